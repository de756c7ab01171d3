"""`plaza gateway block … show` and `plaza emergency`, as staff type them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from captive_portal.gateway.policy import unseal
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import BoxEvent, GatewayEvent, Report
from captive_portal.sessions import StoredSessions
from controller.app import App, build, utc_now
from controller.cli.main import plaza
from controller.demo import make_secrets
from controller.errors import ControllerError
from controller.gateway_policy import first_policy
from controller.inventory import load
from controller.secrets import site_key
from controller.settings import load as settings_of
from tests.town import Town, town

SITE, MAC, BOX = "08027-plaza", "02:00:5e:10:00:01", "b0" * 16
WHY = ("--reason", "Descargas sin parar", "--days", "3")
NOTICE = ("--hours", "6", "--notice", "Lluvia fuerte. No cruces arroyos.")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.9") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        made.environ["SUDO_USER"] = "ana"
        yield made


@pytest.fixture
def app(place: Town) -> Iterator[App]:
    built = build(settings_of(place.environ, place.directory))
    yield built
    built.samples.close()
    built.engine.dispose()


def said(place: Town, *words: str) -> str:
    ran = place.plaza(*words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def key_of(app: App) -> bytes:
    return site_key(app.secrets.gateway("gateways"), SITE)


def test_a_device_is_kept_out_listed_without_its_mac_and_let_in_again(place: Town, app: App) -> None:
    name = said(place, "gateway", "block", SITE, MAC, *WHY).partition(":")[0]
    listed = said(place, "gateway", "blocks")
    assert listed.endswith("1 kept out\n")
    assert "ana: Descargas sin parar" in listed
    assert MAC not in listed
    (one,) = json.loads(said(place, "gateway", "blocks", SITE, "--json"))
    device = pseudonym(key_of(app), "device", MAC)
    assert (one["block"], one["device"], one["author"]) == (name, device, "ana")
    policy = unseal(key_of(app), SITE, first_policy(app, app.inventory.sites[SITE]))
    assert [blocked.device for blocked in policy.blocked] == [device]
    assert said(place, "gateway", "unblock", SITE, name).startswith(f"{name}: let into {SITE} again")
    assert said(place, "gateway", "blocks") == "0 kept out\n"


def test_who_blocks_and_unblocks_is_in_the_audit_log_and_the_mac_is_nowhere(place: Town) -> None:
    said(place, "gateway", "block", SITE, MAC, *WHY)
    said(place, "gateway", "unblock", SITE, MAC)
    data = Path(place.environ["PLAZA_DATA_DIR"])
    with closing(sqlite3.connect(data / "plaza.db")) as store:
        rows = store.execute("SELECT actor, action, subject FROM audit ORDER BY seq").fetchall()
        everything = "\n".join(store.iterdump())
    assert rows == [("ana", "device-blocked", SITE), ("ana", "device-unblocked", SITE)]
    assert MAC not in everything


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("gateway", "block", "08099-plaza", MAC, *WHY), "no site '08099-plaza'"),
        (("gateway", "block", SITE, "phone", *WHY), "that is no MAC address"),
        (("gateway", "block", SITE, "ff:ff:ff:ff:ff:ff", *WHY), "that is no MAC address of a device"),
        (("gateway", "block", SITE, MAC, "--days", "3", "--reason", " "), "--reason is one line"),
        (("gateway", "unblock", SITE, MAC), "does not keep it out"),
        (("gateway", "blocks", "08099-plaza"), "no site '08099-plaza'"),
        (("gateway", "show", "08099-plaza"), "no site '08099-plaza'"),
        (("emergency", "start", "08099", *NOTICE, "--yes"), "no municipality '08099'"),
        (("emergency", "start", "08027", *NOTICE), "add --yes"),
        (("emergency", "stop", "08027"), "no emergency holds in '08027'"),
    ],
)
def test_what_cannot_be_is_one_line(
    place: Town, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    monkeypatch.chdir(place.directory)
    ran = CliRunner().invoke(plaza, words, env=place.environ)
    assert isinstance(ran.exception, ControllerError | SystemExit), ran.output
    assert what in f"{ran.stderr}{ran.exception}"
    assert "\n" not in str(ran.exception)


def test_show_tells_boxes_policy_pool_and_alarms(place: Town, app: App) -> None:
    assert "no gateway ever called" in said(place, "gateway", "show", SITE)
    first_policy(app, app.inventory.sites[SITE])
    pulse = BoxEvent(1, GatewayEvent("", "pulse", "", 0), {"pool_used": 40, "conntrack": 900})
    alarm = BoxEvent(2, GatewayEvent("", "alarm", "", 0, cause="copied", device="d" * 32))
    sessions = StoredSessions(app.engine)
    sessions.take(SITE, Report(BOX, (pulse, alarm), serial=7), utc_now())
    sessions.take(SITE, Report("b1" * 16), utc_now())
    shown = said(place, "gateway", "show", SITE)
    assert "b0b0b0b0  replaced" in shown
    assert "b1b1b1b1  here" in shown
    assert "follows policy 7 (not " in shown
    assert "conntrack 900, pool_used 40" in shown
    assert "alarms in the last day: 1 copied" in shown
    assert "d" * 32 not in shown
    told = json.loads(said(place, "gateway", "show", SITE, "--json"))
    assert (told["site"], told["epoch"], told["alarms"]) == (SITE, 0, {"copied": 1})
    assert {one["state"] for one in told["boxes"]} == {"replaced", "here"}


def test_an_emergency_begins_is_listed_and_is_stopped(place: Town, app: App) -> None:
    begun = said(place, "emergency", "start", "08027", *NOTICE, "--notice-en", "Heavy rain.", "--yes")
    assert "1 sites let everybody through for 6 h" in begun
    policy = unseal(key_of(app), SITE, first_policy(app, app.inventory.sites[SITE]))
    assert policy.emergency is not None
    assert policy.emergency.en == "Heavy rain."
    (one,) = json.loads(said(place, "emergency", "list", "--json"))
    assert (one["holds"], one["author"], one["municipality"]) == (True, "ana", "08027")
    assert datetime.fromisoformat(one["until"]) > datetime.now(UTC)
    said(place, "emergency", "stop", "08027")
    assert "is over" in said(place, "emergency", "list")
    assert said(place, "emergency", "list").endswith("0 hold\n")
    data = Path(place.environ["PLAZA_DATA_DIR"])
    with closing(sqlite3.connect(data / "plaza.db")) as store:
        actions = [row[0] for row in store.execute("SELECT action FROM audit ORDER BY seq")]
    assert actions == ["emergency-started", "emergency-stopped"]
