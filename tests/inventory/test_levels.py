"""State, municipality, site, device: the nearest level wins, and `explain` names it."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from controller import inventory
from controller.errors import SelectorError
from controller.inventory import explain
from controller.model import Inventory, Opening, Uplink, UplinkKind
from drivers.model import (
    Band,
    Device,
    Endpoint,
    Lifecycle,
    PollBy,
    PowerSource,
    Radio,
    Reach,
    ReachKind,
    Role,
    Security,
    Ssid,
)

GOOD = Path(__file__).parent / "good.yaml"
LINES = GOOD.read_text(encoding="utf-8").split("\n")


@pytest.fixture(scope="module")
def good() -> Inventory:
    return inventory.load(GOOD, ("openwrt", "generic"))


def radio(device: Device, band: Band) -> Radio:
    return next(radio for radio in device.radios if radio.band is band)


def test_maps_merge_key_by_key_over_all_four_levels(good: Inventory) -> None:
    assert radio(good.devices["ap-08019-1"], Band.GHZ_5) == Radio(Band.GHZ_5, 36, 80, 20)
    assert radio(good.devices["ap-08052-1"], Band.GHZ_5) == Radio(Band.GHZ_5, 0, 40, 20)
    assert radio(good.devices["ap-08052-1"], Band.GHZ_2) == Radio(Band.GHZ_2, 1, 20, None)


def test_lists_replace(good: Inventory) -> None:
    assert [ssid.name for ssid in good.devices["ap-08019-1"].ssids] == ["Plaza Niño"]
    assert [ssid.name for ssid in good.devices["ap-08052-1"].ssids] == ["Ojinaga Libre"]
    assert good.devices["sw-08019"].ssids == ()


def test_the_profile_named_nearest_replaces_the_one_above(good: Inventory) -> None:
    school = good.devices["ap-school"]
    assert school.ssids == (
        Ssid("Escuela"),
        Ssid("Maestros", Security.WPA2, vlan=20, bands=(Band.GHZ_5,), passphrase="cafe"),
    )
    assert [radio.band for radio in school.radios] == [Band.GHZ_5]
    assert good.sites["08019-school"].portal.duration == timedelta(hours=8)
    assert good.sites["08019-plaza"].portal.duration == timedelta(hours=2)


def test_null_takes_an_inherited_value_away(good: Inventory) -> None:
    assert good.devices["sw-08019"].radios == ()
    assert "owner" not in good.devices["ap-school"].labels
    assert good.devices["ap-08019-1"].labels["owner"] == "estado"
    assert date(2026, 12, 24) not in good.sites["08019-school"].hours.exceptions


def test_hours_are_one_value_with_zone_week_holidays_and_exceptions(good: Inventory) -> None:
    plaza, school = good.sites["08019-plaza"].hours, good.sites["08019-school"].hours
    assert plaza.zone == "America/Chihuahua"
    assert plaza.openings(date(2026, 11, 21)) == (Opening(time(8), time(14)), Opening(time(16), time(0)))
    assert plaza.openings(date(2026, 12, 25)) == ()
    assert plaza.openings(date(2026, 12, 24)) == (Opening(time(6), time(12)),)
    assert school.openings(date(2026, 11, 21)) == ()
    assert school.openings(date(2026, 11, 20)) == ()
    assert school.openings(date(2026, 11, 23)) == (Opening(time(6), time(23)),)


def test_the_same_moment_is_open_in_one_zone_and_closed_in_another(good: Inventory) -> None:
    july = datetime(2026, 7, 6, 11, 30, tzinfo=UTC)  # 05:30 in Chihuahua, 06:30 in Ojinaga
    assert not good.sites["08019-plaza"].hours.open_at(july)
    assert good.sites["08052-plaza"].hours.open_at(july)


def test_a_site_adds_to_the_uplink_of_the_state(good: Inventory) -> None:
    assert good.sites["08019-school"].uplink == Uplink(UplinkKind.SATELLITE, "Fibra", 100, 50, 200, "S-1")
    assert good.sites["08019-plaza"].uplink == Uplink(UplinkKind.FIBRE, "Fibra", 100, 50)


def test_two_sites_may_both_be_192_168_88_0_and_their_devices_have_endpoints_of_their_own(
    good: Inventory,
) -> None:
    one, other = good.devices["ap-08052-1"], good.devices["ap-08052-b1"]
    assert one.address == other.address == "192.168.88.11"
    assert (one.snmp, one.ssh) == (Endpoint("10.99.0.1", 16111), Endpoint("10.99.0.1", 2211))
    assert (other.snmp, other.ssh) == (Endpoint("10.99.0.2", 16111), Endpoint("10.99.0.2", 2211))
    assert one.reach == Reach(ReachKind.VIA, "gw-08052")


def test_behind_a_gateway_a_service_without_a_port_of_its_own_has_none(good: Inventory) -> None:
    assert good.devices["ap-08052-1"].http.port == 0
    assert good.devices["ap-08052-b1"].http == Endpoint("10.99.0.2", 8011)
    assert good.devices["gw-08052-b"].http == Endpoint("10.99.0.2", 80)


def test_role_parent_power_way_and_state_are_kept(good: Inventory) -> None:
    ap, switch, far = (good.devices[name] for name in ("ap-08019-1", "sw-08019", "ap-far"))
    assert (ap.role, ap.parent, ap.powered_by) == (Role.AP, "sw-08019", PowerSource("sw-08019", "3"))
    assert (switch.role, switch.platform) == (Role.SWITCH, "generic")
    assert (far.reach, far.state) == (Reach(ReachKind.TUNNEL, "wg-sierra"), Lifecycle.STAGING)
    assert (ap.snmp_credentials, ap.ssh_credentials, ap.ssh.port) == ("v2", "shell", 2222)
    assert good.devices["ap-school"].snmp == Endpoint("10.2.0.11", 1161)


def test_polling_over_ssh_is_chosen_at_any_level_and_needs_no_snmp(good: Inventory, tmp_path: Path) -> None:
    assert good.devices["ap-08019-1"].poll is PollBy.SSH
    assert good.devices["ap-school"].poll is PollBy.SNMP
    file = tmp_path / "inventory.yaml"
    text = GOOD.read_text(encoding="utf-8").replace("  snmp: {credentials: v2}", "  poll: ssh")
    text = text.replace("platform: generic", "platform: generic, poll: snmp")
    file.write_text(text.replace("snmp: {port: 16111}, ", ""), encoding="utf-8")
    found = inventory.load(file).devices
    assert {name for name in found if found[name].poll is PollBy.SNMP} == {"sw-08019"}
    assert found["ap-08052-1"].snmp_credentials == ""


def test_a_retired_device_may_leave_its_address_to_its_successor(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    heir = "  ap-new: {site: 08019-plaza, address: 10.3.0.11}\n"
    file.write_text(GOOD.read_text(encoding="utf-8").replace("state: staging", "state: retired") + heir)
    assert inventory.load(file).devices["ap-new"].address == "10.3.0.11"


@pytest.mark.parametrize(
    ("name", "key", "value", "level", "written"),
    [
        ("ap-08019-1", "radios.5g.channel", 36, "device ap-08019-1", "  ap-08019-1:"),
        ("ap-08019-1", "radios.5g.width_mhz", 80, "profile plaza", "    radios: {2g4"),
        ("ap-08019-1", "radios.5g.power_dbm", 20, "state defaults", "  radios: {5g: {power"),
        ("ap-08052-1", "radios.5g.width_mhz", 40, "municipality 08052", "    radios: {5g: {width"),
        ("ap-08052-1", "radios.5g.channel", "auto", "profile plaza", "    radios: {2g4"),
        ("ap-08052-1", "ssids", [{"name": "Ojinaga Libre"}], "municipality 08052", "    ssids: [{name: Oj"),
        (
            "ap-08052-1",
            "reach.through",
            "gw-08052",
            "site 08052-plaza",
            "    reach: {kind: via, through: gw-08052}",
        ),
        ("ap-08052-1", "snmp.host", "10.99.0.1", "device gw-08052", "  gw-08052:"),
        ("ap-08052-1", "snmp.port", 16111, "device ap-08052-1", "  ap-08052-1:"),
        ("ap-08019-1", "poll", "ssh", "device ap-08019-1", "  ap-08019-1:"),
        ("ap-school", "labels.owner", None, "device ap-school", "  ap-school:"),
        ("ap-08019-1", "powered_by.port", 3, "device ap-08019-1", "  ap-08019-1:"),
        ("08019-school", "hours.week.sat", [], "site 08019-school", "    hours: {week: {sat"),
        ("08019-school", "hours.zone", "America/Chihuahua", "municipality 08019", "  08019: {name"),
        ("08019-school", "portal.duration", "8h", "profile school", "    portal: {duration: 8h}"),
        ("08052", "portal.gateway_url", "http://10.8.0.1:2060", "state defaults", "  portal: {gateway_url"),
    ],
)
def test_explain_names_the_level_that_won_with_its_line(
    name: str, key: str, value: object, level: str, written: str
) -> None:
    found = explain(GOOD, name, key)
    assert (found.value, found.level, found.file) == (value, level, str(GOOD))
    assert LINES[found.line - 1].startswith(written)


def test_explain_of_a_map_gives_its_merged_value_and_the_strongest_level() -> None:
    found = explain(GOOD, "ap-08019-1", "radios")
    assert found.value == {"2g4": {"channel": 1}, "5g": {"channel": 36, "width_mhz": 80, "power_dbm": 20}}
    assert found.level == "device ap-08019-1"


def test_explain_says_when_no_level_wrote_a_value() -> None:
    found = explain(GOOD, "ap-school", "state")
    assert (found.value, found.level, found.line) == ("active", "built-in default", 0)


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("ap-scool", "role", "no device, site or municipality is called 'ap-scool', did you mean ap-school?"),
        ("ap-school", "snmp.prt", "ap-school has no 'snmp.prt', did you mean snmp.port?"),
    ],
)
def test_explain_of_a_wrong_name_or_key_proposes_the_right_one(name: str, key: str, said: str) -> None:
    with pytest.raises(SelectorError, match="did you mean") as caught:
        explain(GOOD, name, key)
    assert str(caught.value) == said
