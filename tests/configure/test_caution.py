"""What nothing on a device undoes is changed one device at a time, and only once its name was typed."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from controller import caution
from controller.cli.platform import platform
from controller.errors import PlanError
from controller.planning import Planned
from drivers.apply import Plan, Timers
from drivers.change import Change, Line
from drivers.configurers.seam import Running, Safety, Wish
from drivers.configurers.ways import CONFIGURERS, CONTROLLERS, why_only_watched
from drivers.model import Device, Endpoint, Intent, Role, Secret

AT = Endpoint("192.0.2.1", 22)


def planned(name: str, platform: str, *paths: str) -> Planned:
    """A device with a change at these paths."""
    device = Device(name, Role.AP, "08019", "08019-plaza", platform, "192.0.2.1", AT, AT, AT)
    lines = tuple(Line(Secret("x"), "x", path) for path in paths)
    wish = Wish(Intent(name, name, "MX", (), ()))
    return Planned(device, Plan(wish, Running(Secret(""), "f"), Change(name, lines, "+x\n" if lines else "")))


def test_of_several_that_have_no_timer_only_the_first_is_changed() -> None:
    items = [
        planned("ap-1", "aruba_instant"),
        planned("ap-2", "openwrt", "system.hostname"),
        planned("ap-3", "cambium_cnpilot", "hostname"),
        planned("ap-4", "aruba_instant", "hostname"),
        planned("ap-5", "openwrt", "system.hostname"),
    ]
    kept = caution.canary_of_one(items)
    assert [item.device.name for item in kept if item.pending] == ["ap-2", "ap-3", "ap-5"]
    assert kept[3].held == "it has no timer of its own: one at a time, after ap-3"
    assert kept[0] == items[0]


def test_a_plan_for_two_that_have_no_timer_is_refused_as_a_whole() -> None:
    first, second = planned("ap-3", "cambium_cnpilot", "x"), planned("ap-4", "aruba_instant", "x")
    caution.one_at_a_time([first, planned("ap-5", "openwrt", "x")])
    with pytest.raises(PlanError, match="ap-3, ap-4 have no timer of their own"):
        caution.one_at_a_time([first, second])


def test_a_timer_that_is_shorter_than_the_change_needs_is_said_to_be() -> None:
    item = planned("ap-2", "openwrt", "system.hostname")
    assert "15 s may be too short: a change here needs 30 s" in caution.too_short([item], Timers(revert_s=15))
    assert caution.too_short([item], Timers(revert_s=90)) == ""
    assert caution.too_short([item], Timers()) == ""


def test_only_what_has_no_timer_and_a_change_needs_its_name_typed() -> None:
    assert caution.needs_typing(planned("ap-1", "aruba_instant", "hostname"))
    assert not caution.needs_typing(planned("ap-1", "aruba_instant"))
    assert not caution.needs_typing(planned("ap-1", "openwrt", "network.lan.device"))


def test_how_soon_a_device_goes_back_is_said_where_it_has_a_timer() -> None:
    plain, typed = planned("ap-2", "openwrt", "system.hostname"), planned("ap-1", "aruba_instant", "hostname")
    minutes = planned("ap-3", "cisco_ios", "hostname")
    assert caution.goes_back_after([typed], Timers()) == ""
    assert caution.goes_back_after([typed, plain], Timers(revert_s=77)) == (
        "what we cannot confirm goes back by itself after 77 s"
    )
    assert "after 77 to 120 s" in caution.goes_back_after([plain, minutes], Timers(revert_s=77))


def test_a_change_that_may_take_the_management_away_is_said_to() -> None:
    (warning,) = caution.warnings(planned("ap-1", "openwrt", "network.lan.device", "system.hostname"))
    assert warning == "this may take its management away: network.lan.device"
    assert caution.warnings(planned("ap-1", "openwrt", "system.hostname")) == []
    assert caution.warnings(replace(planned("ap-1", "openwrt", "network.x"), plan=None)) == []


def test_every_platform_states_its_class_and_what_it_cannot_set() -> None:
    timerless = {name for name, one in CONFIGURERS.items() if one.traits.safety is Safety.D}
    assert timerless == {"aruba_instant", "cambium_cnpilot"}
    assert not any(one.traits.verified for one in CONFIGURERS.values())  # none was tried on hardware yet
    assert all(one.traits.dangerous for one in CONFIGURERS.values())


def test_the_safety_of_one_platform_can_be_asked_for() -> None:
    said = CliRunner().invoke(platform, ["safety", "openwrt"])
    assert (said.exit_code, said.output.splitlines()[0]) == (0, "openwrt")
    assert "cisco" not in said.output
    assert (
        CliRunner().invoke(platform, ["safety", "generic"]).output
        == "Plaza only watches the platform generic\n"
    )
    assert "no platform is called 'nobody'" in CliRunner().invoke(platform, ["safety", "nobody"]).output


def test_what_another_controller_configures_is_not_configured_here() -> None:
    assert {"ubiquiti_unifi", "tplink_eap", "ruckus_sz"} == set(CONTROLLERS)
    assert not CONTROLLERS.keys() & CONFIGURERS.keys()
    assert why_only_watched("tplink_eap") == (
        "tplink_eap is configured through its Omada controller; Plaza only watches it"
    )
