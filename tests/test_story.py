"""The story of the product: access points and a citizen through all four flows, as their people meet them."""

import json
import re
import time
from pathlib import Path

from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.servers import VictoriaMetrics
from tests.town import Phone, Town, fetch, town, wait_for

ANOTHER_SHARD = 7  # its poller owns the first one


def test_a_plaza_opens_a_citizen_gets_online_and_every_number_arrives(tmp_path: Path) -> None:
    victoria = VictoriaMetrics(tmp_path)
    victoria.start()
    try:
        _the_story(tmp_path, victoria)
    finally:
        victoria.kill()


def _the_story(tmp_path: Path, victoria: VictoriaMetrics) -> None:
    with town(tmp_path, "127.70.1") as guachochi:
        (tmp_path / "plaza.toml").write_text(
            f'[[sinks]]\nname = "state"\nurl = "{victoria.url}"\ndialect = "victoriametrics"\n'
        )
        an_earlier_hour_was_measured(guachochi)
        the_technician_checks_the_inventory_and_starts(guachochi)
        the_technician_sees_what_is_wrong_and_why(guachochi)
        the_technician_configures_an_access_point(guachochi)
        a_citizen_gets_online_in_one_tap(guachochi)
        the_analyst_finds_every_number_in_the_server(guachochi, victoria)
        the_analyst_has_the_proof_of_it(guachochi)
        everything_stops_and_goes_on_another_day(guachochi)


def an_earlier_hour_was_measured(guachochi: Town) -> None:
    earlier = int(time.time()) - 1800
    tags = {"ap": "ap-kiosk", "mun": "08027", "site": "08027-plaza", "vendor": "openwrt"}
    samples = [Sample("wifi_ap", tags, {"up": 1}, earlier + 30 * n) for n in range(3)]
    with guachochi.samples() as store:
        store.write("history", samples, shard=ANOTHER_SHARD)


def the_technician_checks_the_inventory_and_starts(guachochi: Town) -> None:
    checked = guachochi.plaza("inventory", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    greeting = guachochi.start()
    assert "no packet is filtered" in greeting


def the_technician_sees_what_is_wrong_and_why(guachochi: Town) -> None:
    assert {row["state"] for row in guachochi.polled().values()} == {"up"}
    assert guachochi.plaza("demo", "break", "ap-school").returncode == 0
    school = guachochi.polled()["ap-school"]
    assert (school["state"], school["agent_answers"], school["service_works"]) == ("down", False, None)
    assert "no answer" in school["reason"]
    console = f"http://{guachochi.environ['PLAZA_CONSOLE_LISTEN']}/"
    wait_for(lambda: "sin respuesta" in fetch(console), "the reason in the console")
    assert guachochi.plaza("demo", "break", "ap-kiosk", "--how", "no-service").returncode == 0
    kiosk = guachochi.polled()["ap-kiosk"]
    assert (kiosk["state"], kiosk["agent_answers"], kiosk["service_works"]) == ("degraded", True, False)
    for name in ("ap-school", "ap-kiosk"):
        assert guachochi.plaza("demo", "mend", name).returncode == 0
    assert {row["state"] for row in guachochi.polled().values()} == {"up"}


def the_technician_configures_an_access_point(guachochi: Town) -> None:
    pending = guachochi.plaza("diff", "ap-kiosk")
    assert pending.returncode == 3
    assert "+\toption ssid 'Chihuahua Gratis'" in pending.stdout
    applied = guachochi.plaza("apply", "ap-kiosk", "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert guachochi.plaza("diff", "ap-kiosk").returncode == 0
    assert guachochi.rows("SELECT device, state FROM rollout_step") == [("ap-kiosk", "confirmed")]
    assert guachochi.rows("SELECT count(*) FROM audit")[0][0] >= 3  # two keys pinned, one change

    def on_the_air() -> bool:
        with guachochi.samples() as store:
            latest = store.latest("wifi_ssid", int(time.time()) - 60)
        return any(s.tags["ap"] == "ap-kiosk" and s.tags["ssid"] == "Chihuahua Gratis" for s in latest)

    wait_for(on_the_air, "the new name on the air, seen by polling")


def a_citizen_gets_online_in_one_tap(guachochi: Town) -> None:
    phone = Phone("127.0.0.77")
    phone.open(f"{guachochi.gateway_url}/generate_204")
    assert "Guachochi" in phone.page
    phone.tap()
    assert phone.url.startswith(f"http://{guachochi.environ['PLAZA_PORTAL_LISTEN']}/p/08027-plaza/online")
    [(session, started)] = wait_for(
        lambda: guachochi.rows(
            "SELECT acctuniqueid, acctstarttime FROM session WHERE acctstarttime NOT NULL"
        ),
        "the gateway's word that it opened the door",
    )[:1]
    assert started > 0
    running = guachochi.plaza("session", "list")
    assert session in running.stdout
    assert guachochi.plaza("session", "dismiss", session).returncode == 0
    ended = (
        f"SELECT acctterminatecause FROM session WHERE acctuniqueid = '{session}' AND acctstoptime NOT NULL"
    )
    wait_for(lambda: guachochi.rows(ended), "the end of the dismissed session")


def the_analyst_finds_every_number_in_the_server(guachochi: Town, victoria: VictoriaMetrics) -> None:
    sink = victoria.sink()
    end = int(time.time()) // 5 * 5 - 5
    window = Window(end - 3600, end)

    def equal() -> bool:
        local = guachochi.sample_counts(window)
        there = dict(sink.counts(window))
        return bool(local["wifi_ap"]) and {name: there.get(name) for name in local} == local

    wait_for(equal, "equal counts in the embedded store and in the server")
    status = guachochi.plaza("sink", "status")
    assert (status.returncode, status.stderr) == (0, "")
    assert re.fullmatch(
        r"state: \d+ points safe there, \d+ batches waiting(, the oldest .* behind\))?, 0 lines refused.*\n",
        status.stdout,
    )


def the_analyst_has_the_proof_of_it(guachochi: Town) -> None:
    """It stops five minutes ago, where no server is still busy: what it counts is the earlier hour."""
    wait_for(
        lambda: (
            "wifi_ap: 3 points here, 0 missing there" in guachochi.plaza("sink", "verify", "state").stdout
        ),
        "the earlier figure in the server",
    )
    assert guachochi.plaza("sink", "verify", "state").returncode == 0


def everything_stops_and_goes_on_another_day(guachochi: Town) -> None:
    before = guachochi.rows("SELECT count(*) FROM session")
    assert guachochi.interrupt() == 0
    assert guachochi.processes() == {}
    counts = guachochi.sample_counts()
    guachochi.start()
    wait_for(lambda: guachochi.sample_counts()["wifi_ap"] > counts["wifi_ap"], "new samples beside the old")
    assert guachochi.rows("SELECT count(*) FROM session") >= before
    status = json.loads(guachochi.plaza("demo", "status").stdout)
    assert status["ok"]
