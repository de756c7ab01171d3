"""What is looked at after a wave: with a real store of samples and a real health table."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import probing
from controller.app import App, build
from controller.health import State, Verdict
from controller.model import Hours, Opening
from controller.rollouts.evidence import (
    EARLIER_DAYS,
    LEAST_DAYS,
    Usual,
    earlier_hours,
    judge_clients,
    look_of,
)
from controller.rollouts.seam import Asked, Evidence
from controller.settings import Settings
from controller.store import health
from drivers.probe.report import NEEDED, Finding, Step, Went
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.sample import Sample

SITE = "08027-plaza"
ZONE = ZoneInfo("America/Chihuahua")
NOW = datetime(2026, 11, 26, 11, 20, tzinfo=ZONE)  # a Thursday
CHANGED = int(NOW.timestamp()) - 900
DAY = 86_400
INVENTORY = """\
version: 1
credentials:
  v2: {kind: snmp-v2c, community: ref+file:community}
  gate: {kind: gateway, key: ref+file:gate}
defaults:
  platform: openwrt
  snmp: {credentials: v2}
  uplink: {kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}
  portal: {gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}
  hours: {week: {mon-sun: 06:00-23:00}}
municipalities:
  08027: {name: Guachochi, seat: Guachochi, zone: America/Chihuahua}
sites:
  08027-plaza:
    {municipality: 08027, name: Plaza, lat: 26.8, lon: -107.0, opened_on: 2026-01-15, probe: eth1.20}
  08027-clinic: {municipality: 08027, name: Clinica, lat: 26.8, lon: -107.0, opened_on: 2026-01-15}
devices:
  ap-1: {site: 08027-plaza, address: 10.27.0.11}
  ap-2: {site: 08027-plaza, address: 10.27.0.12}
  ap-3: {site: 08027-clinic, address: 10.27.1.11}
"""
GOOD = [Finding(step, Went.WORKED, "well", 5.0) for step in Step if step in NEEDED]


def app_in(directory: Path) -> App:
    (directory / "inventory.yaml").write_text(INVENTORY)
    places = {"data_dir": directory, "inventory": directory / "inventory.yaml", "secrets_dir": directory}
    return build(Settings.model_validate(places))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once for all tests."""
    directory = tmp_path_factory.mktemp("store")
    app_in(directory).engine.dispose()
    return directory / "plaza.db"


@pytest.fixture
def app(tmp_path: Path, empty_store: Path) -> App:
    shutil.copy(empty_store, tmp_path)
    return app_in(tmp_path)


def count(app: App, ap: str, at: int, clients: int | None, minutes: int = 60) -> None:
    """A sample a minute; None is an access point that does not answer."""
    app.samples.write("poller", counted(ap, at, clients, minutes))


def counted(ap: str, at: int, clients: int | None, minutes: int = 60) -> list[Sample]:
    tags = {"ap": ap, "mun": "08027", "site": SITE, "vendor": "openwrt"}
    fields: dict[str, int | float] = {"up": 0} if clients is None else {"up": 1, "clients": clients}
    return [Sample("wifi_ap", tags, fields, at + 60 * n) for n in range(minutes)]


def earlier(app: App, clients: Mapping[str, Sequence[int]]) -> None:
    """So many clients at each access point in this hour of the days before, yesterday first."""
    hour = int(NOW.timestamp()) // 3600 * 3600
    app.samples.write(
        "poller",
        [
            sample
            for ap, days in clients.items()
            for back, several in enumerate(days, 1)
            for sample in counted(ap, hour - back * DAY, several)
        ],
    )
    roll_up(app.samples, int(NOW.timestamp()), Roster(otherwise=lambda *_: 60))


def since(app: App, clients: Mapping[str, int | None]) -> None:
    """And so many since the change."""
    for ap, several in clients.items():
        count(app, ap, CHANGED + 60, several, minutes=12)


def polled(app: App, ap: str, state: State = State.UP, at: int = CHANGED + 300) -> None:
    said = "" if state is State.UP else "no answer"
    health.keep(app.engine, [(ap, Verdict(state, state is State.UP, None, said), at)])


def look(app: App, site: str = SITE, found: Sequence[Finding] = GOOD) -> dict[Asked, Evidence]:
    seen = look_of(app, lambda: NOW, visit=lambda _: found)(site, CHANGED)
    assert {each.site for each in seen} == {site}
    assert [each.asked for each in seen] == list(Asked)
    return {each.asked: each for each in seen}


def test_a_site_where_all_is_as_usual_is_good_in_every_way(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6, "ap-2": [10] * 6})
    since(app, {"ap-1": 18, "ap-2": 9})
    polled(app, "ap-1")
    polled(app, "ap-2")
    seen = look(app)
    assert [each.good for each in seen.values()] == [True, True, True]
    assert seen[Asked.CLIENTS].said == "27 clients, 30 are usual at this hour"
    assert seen[Asked.UPLINK].said == "ap-1 is up, ap-2 is up"


def test_of_a_site_of_which_nothing_is_known_nothing_is_good(app: App) -> None:
    seen = look(app, "08027-clinic")
    assert [each.good for each in seen.values()] == [None, None, None]
    assert seen[Asked.CLIENTS].said == "nobody has counted clients since the change"
    assert seen[Asked.UPLINK].said == "ap-3 was not polled since the change"
    assert seen[Asked.PROBE].said == "no probe can run there: sites.08027-clinic.probe is not written"


# Clients


def clients(app: App) -> tuple[bool | None, str]:
    seen = look(app)[Asked.CLIENTS]
    return seen.good, seen.said


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_site_that_usually_has_clients_and_has_lost_them_is_bad(app: App, left: int) -> None:
    earlier(app, {"ap-1": [20, 18, 25, 30, 22, 19, 21]})
    since(app, {"ap-1": left})
    good, said = clients(app)
    assert good is False
    assert said.endswith("21 are usual at this hour: too few")


def test_clients_that_come_back_after_the_restart_are_counted_not_the_gap(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6})
    count(app, "ap-1", CHANGED, 0, minutes=8)
    count(app, "ap-1", CHANGED + 8 * 60, 19, minutes=6)
    assert clients(app) == (True, "19 clients, 20 are usual at this hour")


def test_fewer_than_usual_and_not_few_is_no_evidence(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6})
    since(app, {"ap-1": 8})
    assert clients(app)[0] is None


def test_as_few_as_on_an_earlier_sunday_is_no_evidence(app: App) -> None:
    earlier(app, {"ap-1": [20, 20, 20, 0, 20, 20, 20]})
    since(app, {"ap-1": 0})
    assert clients(app) == (None, "0 clients, 20 are usual at this hour: as few as on 1 of 7 earlier days")


def test_a_festival_and_a_power_cut_do_not_move_what_is_usual(app: App) -> None:
    earlier(app, {"ap-1": [20, 900, 21, 0, 19, 20, 22]})
    since(app, {"ap-1": 19})
    assert clients(app) == (True, "19 clients, 20 are usual at this hour")


def test_where_few_come_their_absence_says_nothing_and_their_presence_does(app: App) -> None:
    earlier(app, {"ap-1": [2, 1, 3, 2, 2, 0, 2]})
    since(app, {"ap-1": 0})
    assert clients(app) == (None, "0 clients, 2 are usual at this hour: too few to tell")
    since(app, {"ap-1": 2})
    assert clients(app)[0] is True


def test_at_an_hour_when_nobody_comes_there_is_no_evidence(app: App) -> None:
    earlier(app, {"ap-1": [0] * 6})
    since(app, {"ap-1": 0})
    assert clients(app)[0] is None


def test_a_few_days_are_no_baseline(app: App) -> None:
    earlier(app, {"ap-1": [20] * (LEAST_DAYS - 1)})
    since(app, {"ap-1": 20})
    assert clients(app) == (None, f"this hour is known of fewer than {LEAST_DAYS} earlier days")


def test_days_before_the_last_fourteen_are_forgotten(app: App) -> None:
    earlier(app, {"ap-1": [5] * EARLIER_DAYS + [500] * 6})
    since(app, {"ap-1": 5})
    assert clients(app) == (True, "5 clients, 5 are usual at this hour")


def test_another_hour_of_the_day_is_no_baseline(app: App) -> None:
    hour = int(NOW.timestamp()) // 3600 * 3600
    for back in range(1, 7):
        count(app, "ap-1", hour - back * DAY + 3600, 50)
    earlier(app, {})
    since(app, {"ap-1": 50})
    assert clients(app)[0] is None


def test_an_hour_with_less_than_half_its_samples_is_not_known(app: App) -> None:
    hour = int(NOW.timestamp()) // 3600 * 3600
    for back in range(1, 7):
        count(app, "ap-1", hour - back * DAY, 20, minutes=29)
    earlier(app, {})
    since(app, {"ap-1": 20})
    assert clients(app)[0] is None


def test_an_access_point_that_is_new_or_silent_does_not_spoil_the_comparison(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6, "ap-2": [20] * 2})
    since(app, {"ap-1": 20, "ap-2": 300})
    assert clients(app) == (True, "20 clients, 20 are usual at this hour")


def test_one_that_fell_silent_is_not_compared_and_is_bad_for_its_health(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6, "ap-2": [20] * 6})
    since(app, {"ap-1": 20, "ap-2": None})
    polled(app, "ap-1")
    polled(app, "ap-2", State.DOWN)
    seen = look(app)
    assert seen[Asked.CLIENTS].said == "20 clients, 20 are usual at this hour"
    assert (seen[Asked.UPLINK].good, seen[Asked.UPLINK].said) == (False, "ap-2 is down: no answer")


def test_samples_from_before_the_change_are_no_evidence(app: App) -> None:
    earlier(app, {"ap-1": [20] * 6})
    count(app, "ap-1", CHANGED - 1200, 20, minutes=19)
    assert clients(app) == (None, "nobody has counted clients since the change")


def test_an_hour_is_compared_with_days_that_were_open_as_it_is() -> None:
    week = (*((Opening(time(8), time(14)),) for _ in range(5)), (), ())
    school = Hours("America/Chihuahua", week, holidays=frozenset({date(2026, 11, 20)}))
    days = [datetime.fromtimestamp(at, ZONE).day for at in earlier_hours(school, int(NOW.timestamp()))]
    assert days == [25, 24, 23, 19, 18, 17, 16, 13, 12]
    sunday = int((NOW + timedelta(days=3)).timestamp())
    closed = [datetime.fromtimestamp(at, ZONE).date() for at in earlier_hours(school, sunday)]
    assert closed == [date(2026, 11, day) for day in (28, 22, 21, 20, 15)]


def test_the_same_local_hour_crosses_the_change_of_the_clocks() -> None:
    always = Hours("America/Ciudad_Juarez", ((Opening(time(0), time(0)),),) * 7)
    monday = datetime(2026, 11, 2, 10, 30, tzinfo=ZoneInfo("America/Ciudad_Juarez"))  # back on the 1st
    starts = earlier_hours(always, int(monday.timestamp()))
    assert {datetime.fromtimestamp(at, monday.tzinfo).hour for at in starts} == {10}
    assert datetime.fromtimestamp(starts[0], UTC).hour != datetime.fromtimestamp(starts[-1], UTC).hour


@given(
    st.lists(st.floats(0, 500), max_size=14).map(tuple),
    st.floats(0, 500),
)
def test_none_left_is_never_good_and_as_many_as_usual_is_never_bad(
    days: tuple[float, ...], now: float
) -> None:
    known = Usual(frozenset({"ap-1"}), days)
    good, said = judge_clients({"ap-1": now}, known)
    assert said
    assert judge_clients({"ap-1": 0.0}, known)[0] is not True
    if len(days) < LEAST_DAYS:
        assert good is None
    elif now >= max(days):
        assert good is not False


# Uplink


def test_a_device_that_was_not_polled_since_the_change_is_no_evidence(app: App) -> None:
    polled(app, "ap-1")
    polled(app, "ap-2", at=CHANGED - 60)
    seen = look(app)[Asked.UPLINK]
    assert (seen.good, seen.said) == (None, "ap-2 was not polled since the change")


@pytest.mark.parametrize("state", [State.DOWN, State.DEGRADED])
def test_a_device_that_fails_since_about_the_change_is_bad(app: App, state: State) -> None:
    polled(app, "ap-1")
    polled(app, "ap-2", state, at=CHANGED - 3600)
    polled(app, "ap-2", state)
    assert look(app)[Asked.UPLINK].good is False


def test_what_failed_long_before_the_change_was_not_done_by_it(app: App) -> None:
    polled(app, "ap-2", State.DOWN, at=CHANGED - 3 * DAY)
    polled(app, "ap-2", State.DOWN)
    seen = look(app)[Asked.UPLINK]
    assert (seen.good, seen.said) == (
        None,
        "ap-1 was not polled since the change, ap-2 does not work since long",
    )
    polled(app, "ap-1")
    seen = look(app)[Asked.UPLINK]
    assert (seen.good, seen.said) == (True, "ap-1 is up, ap-2 does not work since long")
    polled(app, "ap-1", State.DOWN)
    assert look(app)[Asked.UPLINK].good is False


def test_a_device_of_which_nobody_can_tell_is_no_evidence(app: App) -> None:
    polled(app, "ap-1")
    polled(app, "ap-2", State.UNKNOWN)
    assert look(app)[Asked.UPLINK].good is None


def modem(app: App, connected: int, at: int) -> None:
    tags = {"ap": "ap-1", "mun": "08027", "site": SITE, "vendor": "openwrt", "link": "wwan0"}
    app.samples.write("poller", [Sample("uplink", tags, {"connected": connected}, at)])


@pytest.mark.parametrize(
    ("connected", "at", "good"),
    [
        (1, CHANGED + 60, True),
        (0, CHANGED + 60, False),
        (1, CHANGED - 60, None),
        (0, CHANGED - 2 * DAY, True),
    ],
)
def test_where_the_uplink_is_measured_it_has_to_carry_data_after_the_change(
    app: App, connected: int, at: int, good: bool | None
) -> None:
    polled(app, "ap-1")
    polled(app, "ap-2")
    modem(app, connected, at)
    assert look(app)[Asked.UPLINK].good is good


# The citizen probe


def test_what_the_probe_found_is_the_evidence_and_is_kept(app: App) -> None:
    failed = [*GOOD[:-1], Finding(Step.PORTAL, Went.FAILED, "http://portal.test/p answers 500")]
    seen = look(app, found=failed)[Asked.PROBE]
    assert (seen.good, seen.said) == (False, "portal: http://portal.test/p answers 500")
    kept = probing.last(app.engine, SITE)
    assert kept is not None
    assert (kept.works, kept.step, kept.detail) == (False, "portal", "http://portal.test/p answers 500")
    assert kept.at == int(NOW.timestamp())
    assert look(app)[Asked.PROBE].good is True
    again = probing.last(app.engine, SITE)
    assert again is not None
    assert (again.works, again.detail, again.took_ms) == (True, "", 25)


def test_a_probe_that_could_not_be_tried_is_no_evidence(app: App) -> None:
    seen = look(app, found=[Finding(Step.DHCP, Went.UNTRIED, "needs root")])[Asked.PROBE]
    assert (seen.good, seen.said) == (None, "dhcp: needs root")


def test_the_real_probe_of_an_interface_that_is_not_there_is_no_evidence(app: App) -> None:
    seen = {each.asked: each for each in look_of(app, lambda: NOW)(SITE, CHANGED)}[Asked.PROBE]
    assert seen.good is None
    assert "eth1.20" in seen.said or "root" in seen.said
