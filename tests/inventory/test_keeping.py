"""How a device is kept and brings guests to the portal: each level adds, replaces or takes away."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controller import inventory, inventory_yaml
from controller.intent import digest, intent
from controller.inventory import explain
from controller.inventory_wishes import on_air
from controller.model import Hours, Inventory, Opening
from drivers.model import Captive, Endpoint, GatewayKind, Manage, OnAir, Rate, Ssid, Syslog

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "keeping.yaml"
LINES = KEPT.read_text(encoding="utf-8").split("\n")
HELP_DESK = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMcKxNdoiG8VQTr/veJ+KkHYhF7BpqYO2hs++9dt9ZeF mesa de ayuda"
WORKING_HOURS = (
    *(OnAir(day, 6 * 60, 23 * 60) for day in range(5)),
    OnAir(5, 8 * 60, 14 * 60),
    OnAir(5, 16 * 60, 24 * 60),
)


@pytest.fixture(scope="module")
def kept() -> Inventory:
    return inventory.load(KEPT, ("openwrt",))


def ssid(kept: Inventory, device: str, name: str) -> Ssid:
    return next(one for one in kept.devices[device].ssids if one.name == name)


def test_everything_about_how_a_device_is_kept_is_inherited(kept: Inventory) -> None:
    assert kept.devices["gw-08052"].manage == Manage(
        zone="America/Ojinaga",
        ntp=("ntp.example.mx", "10.8.0.5"),
        snmp_users=("nms", "noc"),
        ssh_keys=(HELP_DESK,),
    )


def test_a_nearer_level_changes_one_part_and_takes_another_away(kept: Inventory) -> None:
    manage = kept.devices["ap-1"].manage
    assert (manage.syslog, manage.ntp, manage.vlan) == (Syslog("10.8.0.66", 1514, "tcp"), (), 99)


def test_null_leaves_the_device_as_it_is_except_for_its_zone(kept: Inventory) -> None:
    assert kept.devices["ap-3"].manage == Manage(zone="America/Chihuahua")


def test_a_log_server_listens_on_udp_514_unless_said_otherwise(tmp_path: Path) -> None:
    found = changed(tmp_path, "syslog: {host: 10.8.0.6, port: 1514, protocol: tcp}", "syslog: {host: log}")
    assert found.devices["ap-3"].manage.syslog is None
    assert found.devices["ap-1"].manage.syslog == Syslog("10.8.0.66", 514, "udp")


def test_the_portal_is_wired_by_the_state_and_asks_radius_on_1812(kept: Inventory) -> None:
    assert kept.devices["ap-1"].captive == Captive(
        kind=GatewayKind.OPENNDS,
        portal_url="https://wifi.example.mx/entrar",
        allow=("wifi.example.mx", "*.gob.mx"),
        credentials="fas",
        radius=Endpoint("10.8.0.7", 1812),
    )


def test_where_the_gateway_is_ours_it_is_what_guests_are_sent_to(kept: Inventory) -> None:
    found = kept.devices["ap-4"].captive
    assert found is not None
    assert (found.kind, found.portal_url, found.radius) == (GatewayKind.PLAZA, "http://10.8.0.1:2060", None)


def test_guests_of_unlocked_networks_go_to_the_portal_unless_said_otherwise(kept: Inventory) -> None:
    assert [one.captive for one in kept.devices["ap-1"].ssids] == [True, False, False]
    assert [one.captive for one in kept.devices["ap-2"].ssids] == [False, False, False]
    assert ssid(kept, "ap-3", "Oficina").captive


def test_a_rate_is_per_client_and_nothing_is_no_limit(kept: Inventory) -> None:
    assert ssid(kept, "ap-1", "Plaza").rate == Rate(4000, 1000)
    assert ssid(kept, "ap-1", "Personal").rate == Rate(0, 0)


def test_a_network_follows_the_weekly_hours_of_its_site(kept: Inventory) -> None:
    assert ssid(kept, "ap-1", "Plaza").schedule == WORKING_HOURS
    assert ssid(kept, "ap-1", "Personal").schedule == ()


def test_hours_without_a_pause_are_no_schedule(kept: Inventory) -> None:
    assert ssid(kept, "ap-4", "Plaza").schedule == ()
    assert ssid(kept, "ap-5", "Plaza").schedule == WORKING_HOURS


OPENINGS = st.lists(st.integers(0, 95), max_size=8, unique=True).map(
    lambda quarters: tuple(
        Opening(time(start // 4, start % 4 * 15), time(end % 96 // 4, end % 4 * 15))
        for start, end in zip(sorted(quarters)[::2], [*sorted(quarters)[1::2], 96], strict=False)
    )
)


@given(week=st.lists(OPENINGS, min_size=7, max_size=7), minute=st.integers(0, 7 * 24 * 60 - 1))
def test_a_network_is_on_the_air_exactly_when_its_site_serves(
    week: list[tuple[Opening, ...]], minute: int
) -> None:
    spans = on_air(week)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    serves = Hours("UTC", tuple(week)).open_at(monday + timedelta(minutes=minute))
    day, clock = minute // (24 * 60), minute % (24 * 60)
    on = any(span.day == day and span.start <= clock < span.end for span in spans)
    assert on == serves or not spans
    assert all(a.day < b.day or a.end < b.start for a, b in pairwise(spans))


@pytest.mark.parametrize("day", [(Opening(time(0), time(0)),), ()])
def test_the_whole_week_and_no_hour_of_it_are_no_spans(day: tuple[Opening, ...]) -> None:
    """The inventory refuses a network that follows the hours of a site that never opens."""
    assert on_air([day] * 7) == ()


def test_six_whole_days_are_six_spans() -> None:
    week = [*[(Opening(time(0), time(12)), Opening(time(12), time(0)))] * 6, ()]
    assert on_air(week) == tuple(OnAir(day, 0, 24 * 60) for day in range(6))


def test_a_login_may_lead_through_another_device_and_takes_as_long_as_said(kept: Inventory) -> None:
    assert {name: (d.ssh_jump, d.ssh_timeout_s) for name, d in kept.devices.items()} == {
        "ap-1": ("", 20.0),
        "ap-2": ("", 30.0),
        "ap-3": ("", 20.0),
        "gw-08052": ("", 20.0),
        "ap-4": ("gw-08052", 20.0),
        "gw-clinic": ("gw-08052", 120.0),
        "ap-5": ("gw-clinic", 120.0),
    }


def test_behind_a_jump_a_device_is_where_that_one_finds_it(kept: Inventory) -> None:
    """Two sites may share an address, and nothing is forwarded for SSH."""
    assert kept.devices["ap-4"].ssh == kept.devices["ap-5"].ssh == Endpoint("192.168.88.11", 22)
    assert kept.devices["ap-5"].snmp == Endpoint("10.3.0.1", 16111)


def test_an_intent_holds_how_the_device_is_kept_and_its_digest_changes_with_it(kept: Inventory) -> None:
    device = kept.devices["ap-1"]
    wanted = intent(kept, device)
    assert (wanted.manage, wanted.captive) == (device.manage, device.captive)
    variants = [
        replace(wanted, manage=replace(wanted.manage, ntp=("10.8.0.5",))),
        replace(wanted, captive=None),
        replace(wanted, ssids=(replace(wanted.ssids[0], schedule=()), *wanted.ssids[1:])),
    ]
    assert len({digest(each) for each in (wanted, *variants)}) == 4
    assert digest(wanted) == digest(intent(kept, device))


@pytest.mark.parametrize(
    ("name", "key", "value", "level", "written"),
    [
        ("ap-1", "manage.syslog.host", "10.8.0.66", "municipality 08019", "    manage: {syslog: {host"),
        ("ap-1", "manage.syslog.port", 1514, "state defaults", "    syslog: {host: 10.8.0.6"),
        ("ap-1", "manage.ntp", None, "municipality 08019", "    manage: {syslog: {host"),
        ("ap-1", "manage.snmp_users", ["nms", "noc"], "state defaults", "    snmp_users: [nms"),
        ("ap-3", "manage", None, "device ap-3", "  ap-3:"),
        ("ap-1", "captive.radius.host", "10.8.0.7", "state defaults", "    radius: {host"),
        ("ap-2", "captive", None, "device ap-2", "  ap-2:"),
        ("ap-4", "captive.kind", "plaza", "municipality 08052", "    captive: {kind: plaza"),
        ("ap-4", "ssh.jump", "gw-08052", "site 08052-plaza", "    ssh: {jump: gw-08052}"),
        ("ap-5", "ssh.timeout", "2m", "site 08052-clinic", "    ssh: {jump: gw-clinic"),
        ("08052", "captive.kind", "plaza", "municipality 08052", "    captive: {kind: plaza"),
    ],
)
def test_explain_names_the_level_that_won(
    name: str, key: str, value: object, level: str, written: str
) -> None:
    found = explain(KEPT, name, key)
    assert (found.value, found.level) == (value, level)
    assert LINES[found.line - 1].startswith(written)


def test_explain_of_a_map_holds_what_every_level_wrote() -> None:
    assert explain(KEPT, "ap-1", "manage.syslog").value == {
        "host": "10.8.0.66",
        "port": 1514,
        "protocol": "tcp",
    }
    found = explain(KEPT, "ap-4", "captive")
    assert found.level == "municipality 08052"
    assert found.value["allow"] == ["wifi.example.mx", "*.gob.mx"]


@pytest.mark.parametrize("key", ["manage.ntp", "manage.syslog", "captive", "ssh.jump"])
def test_explain_knows_a_key_that_no_level_writes(key: str) -> None:
    found = explain(Path(__file__).parent / "good.yaml", "ap-school", key, ("openwrt", "generic"))
    assert (found.value, found.level, found.line) == (None, "built-in default", 0)


def changed(folder: Path, good: str, instead: str) -> Inventory:
    """The inventory with one thing written otherwise."""
    text = KEPT.read_text(encoding="utf-8")
    assert good in text
    file = folder / "inventory.yaml"
    file.write_text(text.replace(good, instead, 1), encoding="utf-8")
    return inventory.load(file, ("openwrt",))


def test_taking_away_what_nobody_wrote_is_no_mistake(tmp_path: Path) -> None:
    nothing = "captive: {radius: null, kind: null}, manage: {syslog: {port: null}}"
    text = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
    file = tmp_path / "inventory.yaml"
    file.write_text(text.replace("state: staging", nothing), encoding="utf-8")
    far = inventory.load(file, ("openwrt", "generic")).devices["ap-far"]
    assert (far.captive, far.manage) == (None, Manage(zone="America/Chihuahua"))


def test_the_manual_shows_an_inventory_that_is_read(tmp_path: Path) -> None:
    """Its block added to the shipped inventory."""
    block = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    whole = added(
        inventory_yaml.read(ROOT / "inventory.yaml").data, inventory_yaml.parse("manual", block).data
    )
    file = tmp_path / "inventory.yaml"
    file.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    found = inventory.load(file)
    ap = found.devices["ap-08052-1"]
    assert (ap.ssh_jump, ap.manage.vlan, ap.manage.snmp_users) == ("gw-08052", 99, ("nms",))
    assert ap.captive is not None
    assert ap.captive.kind is GatewayKind.OPENNDS


def added(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two maps as one, key by key."""
    nested = {
        key: added(below.get(key, {}), entry) for key, entry in above.items() if isinstance(entry, dict)
    }
    return {**below, **above, **nested}


def test_the_shipped_inventory_asks_its_devices_for_nothing_but_their_zone() -> None:
    for device in inventory.load(ROOT / "inventory.yaml").devices.values():
        assert replace(device.manage, zone="") == Manage()
        assert (device.captive, device.ssh_jump, device.ssh_timeout_s) == (None, "", 30.0)
        assert all(one == Ssid(one.name, one.security) for one in device.ssids)
