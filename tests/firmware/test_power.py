"""Never on battery: who powers a device, and what that said of itself last."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.firmware import power
from drivers.model import Device, Endpoint, PowerSource, Role
from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests.configure.desk import utc_now

NOW = utc_now()
HERE = Endpoint("127.0.0.1", 1)


def device(name: str, role: Role, powered_by: str = "") -> Device:
    """One of a site."""
    made = Device(name, role, "08019", "08019-plaza", "generic", "", HERE, HERE, HERE)
    return replace(made, powered_by=PowerSource(powered_by, "1") if powered_by else None)


DEVICES = {
    each.name: each
    for each in (
        device("ap", Role.AP, "switch"),
        device("switch", Role.SWITCH, "ups"),
        device("ups", Role.UPS),
        device("alone", Role.AP),
        device("fed", Role.AP, "mains-switch"),
        device("mains-switch", Role.SWITCH),
        device("ring-1", Role.SWITCH, "ring-2"),
        device("ring-2", Role.SWITCH, "ring-1"),
        device("gone", Role.AP, "who"),
    )
}


@pytest.fixture
def samples(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return LocalStore.open(tmp_path)


def say(samples: LocalStore, on_battery: int, ago_s: int) -> None:
    """The UPS told this so long ago."""
    tags = {"ap": "ups", "mun": "08019", "site": "08019-plaza", "vendor": "ups"}
    at = int((NOW - timedelta(seconds=ago_s)).timestamp())
    samples.write("poller", [Sample("power", tags, {"on_battery": on_battery}, at)])


def why_not(samples: LocalStore, name: str) -> str:
    """Of one device."""
    return power.why_not(DEVICES, samples, DEVICES[name], NOW)


def test_the_ups_behind_a_switch_is_asked(samples: LocalStore) -> None:
    assert "ups, which powers it, does not say" in why_not(samples, "ap")
    say(samples, 1, 120)
    assert why_not(samples, "ap") == "ups, which powers it, is on battery"
    say(samples, 0, 60)
    assert why_not(samples, "ap") == ""
    assert power.is_known(DEVICES, DEVICES["ap"])


def test_what_a_ups_said_long_ago_says_nothing_of_now(samples: LocalStore) -> None:
    say(samples, 0, power.FRESH_S + 60)
    assert "does not say" in why_not(samples, "ap")


@pytest.mark.parametrize("name", ["alone", "fed", "ring-1", "gone"])
def test_a_device_that_hangs_on_no_known_ups_may_be_flashed_and_is_told_of(
    samples: LocalStore, name: str
) -> None:
    assert why_not(samples, name) == ""
    assert not power.is_known(DEVICES, DEVICES[name])
