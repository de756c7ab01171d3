"""What the rollups are told: who should have given how many samples, and in which zone a municipality is."""

from dataclasses import replace

import pytest

from controller import asked, inventory
from controller.model import Inventory
from controller.settings import Settings
from drivers.model import Lifecycle, PollProfile

TEXT = """\
version: 1
credentials:
  v2: {kind: snmp-v2c, community: ref+file:community}
  gate: {kind: gateway, key: ref+file:gate}
defaults:
  platform: openwrt
  poll_profile: normal
  snmp: {credentials: v2}
  uplink: {kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}
  portal: {gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}
  hours: {week: {mon-sun: 06:00-23:00}}
municipalities:
  08027: {name: Guachochi, seat: Guachochi, zone: America/Chihuahua}
  08052: {name: Ojinaga, seat: Manuel Ojinaga, zone: America/Ojinaga}
sites:
  08027-plaza:
    {municipality: 08027, name: Plaza, lat: 26.8, lon: -107.0, opened_on: 2026-01-15, probe: eth1.20}
  08052-clinic: {municipality: 08052, name: Clinica, lat: 29.5, lon: -104.4, opened_on: 2026-01-15}
devices:
  ap-1: {site: 08027-plaza, address: 10.27.0.11}
  ap-2: {site: 08052-clinic, address: 10.27.1.11}
"""
SETTINGS = Settings(poll_interval_s=60, probe_minutes=20)
ONE = ("ap-1", "08027", "08027-plaza", "openwrt")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    path = tmp_path_factory.mktemp("inventory") / "inventory.yaml"
    path.write_text(TEXT)
    return inventory.load(path)


def with_profile(known: Inventory, profile: PollProfile) -> Inventory:
    devices = {name: replace(one, poll_profile=profile) for name, one in known.devices.items()}
    return replace(known, devices=devices)


def test_every_device_is_expected_at_its_own_pace(known: Inventory) -> None:
    roster = asked.roster(known, SETTINGS).asked
    assert roster is not None
    assert roster["wifi_ap"] == {ONE: 60, ("ap-2", "08052", "08052-clinic", "openwrt"): 60}
    thin = asked.roster(with_profile(known, PollProfile.THIN), SETTINGS).asked
    assert thin is not None
    assert thin["wifi_ap"][ONE] == 12


def test_who_is_not_polled_is_not_expected(known: Inventory) -> None:
    retired = {name: replace(one, state=Lifecycle.RETIRED) for name, one in known.devices.items()}
    roster = asked.roster(replace(known, devices=retired), SETTINGS).asked
    assert roster is not None
    assert roster["wifi_ap"] == {}
    assert roster["hotspot_mun"] == {}


def test_municipalities_and_probed_sites_are_expected_too(known: Inventory) -> None:
    roster = asked.roster(known, SETTINGS).asked
    assert roster is not None
    assert roster["hotspot_mun"] == {("08027",): 12, ("08052",): 12}
    assert roster["service"] == {("08027", "08027-plaza"): 3}


def test_of_others_it_is_known_by_the_device_that_gives_them(known: Inventory) -> None:
    metered = asked.roster(with_profile(known, PollProfile.METERED), SETTINGS).otherwise
    thin = asked.roster(with_profile(known, PollProfile.THIN), SETTINGS).otherwise
    normal = asked.roster(known, SETTINGS).otherwise
    managed = ("ap-1/lobby", *ONE[1:])
    radio, ssid = (*ONE, "5g", "0"), (*ONE, "5g", "Chihuahua Gratis")
    assert [each("wifi_ap", managed) for each in (normal, thin, metered)] == [60, 12, 1]
    assert [each("wifi_radio", radio) for each in (normal, thin, metered)] == [60, 12, 1]
    assert [each("wifi_ssid", ssid) for each in (normal, thin, metered)] == [60, 2, 1]
    assert normal("wifi_ap", ("nobody", *ONE[1:])) == 60
    assert normal("wifi_portal", ("08027", "08027-plaza")) == 0, "nobody knows how many come"


def test_a_municipality_lives_in_the_zone_of_the_inventory(known: Inventory) -> None:
    zones = asked.Zones(known)
    assert [zones.zone_of(mun) for mun in ("08052", "08027", "08066")] == [
        "America/Ojinaga",
        "America/Chihuahua",
        "UTC",
    ]
