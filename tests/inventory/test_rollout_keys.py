"""What a rollout asks of the inventory: which devices are the ends of a radio link, and when it may begin."""

from datetime import time
from pathlib import Path

import pytest

from controller import inventory
from controller.errors import InventoryError
from controller.model import Hours, Inventory, Opening

TOWN = """\
version: 1
defaults:
  platform: openwrt
  uplink: {kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}
  portal: {gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}
  hours: {week: {mon-sun: 06:00-23:00}}
  maintenance: {week: {mon-fri: 01:00-05:00, sat: [00:00-06:00, 23:00-24:00]}}
credentials:
  gate: {kind: gateway, key: ref+file:gate}
municipalities:
  08019: {name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}
  08037: {name: Juárez, seat: Juárez, zone: America/Ciudad_Juarez, maintenance: {week: {sun: 02:00-04:00}}}
sites:
  cerro: {municipality: 08019, name: Cerro, lat: 28.6, lon: -106.0, opened_on: 2026-01-15}
  plaza: {municipality: 08037, name: Plaza, lat: 31.7, lon: -106.4, opened_on: 2026-01-15}
  oficina: {municipality: 08037, name: Obra, lat: 31.7, lon: -106.5, opened_on: 2026-01-15, maintenance: null}
devices:
  hub: {site: cerro, address: 10.0.0.1, role: backhaul}
  near: {site: cerro, address: 10.0.0.2, role: backhaul, parent: hub, link: far}
  far: {site: plaza, address: 10.0.0.3, role: backhaul, parent: near}
  ap: {site: plaza, address: 10.0.0.4, parent: far}
  station: {site: oficina, address: 10.0.0.5, role: backhaul, parent: hub}
"""


def load(folder: Path, *changes: tuple[str, str]) -> Inventory:
    text = TOWN
    for good, bad in changes:
        assert good in text
        text = text.replace(good, bad, 1)
    file = folder / "inventory.yaml"
    file.write_text(text, encoding="utf-8")
    return inventory.load(file, ("openwrt",))


def complaint(folder: Path, *changes: tuple[str, str]) -> str:
    """The one line that is said, without the file's name."""
    with pytest.raises(InventoryError) as caught:
        load(folder, *changes)
    (line,) = str(caught.value).split("\n")
    return line.removeprefix(f"{folder / 'inventory.yaml'}:")


def test_each_site_has_the_windows_of_its_municipality_in_its_own_zone(tmp_path: Path) -> None:
    sites = load(tmp_path).sites
    night = (Opening(time(1), time(5)),)
    saturday = (Opening(time(0), time(6)), Opening(time(23), time(0)))
    assert sites["cerro"].maintenance == Hours("America/Chihuahua", (*(night,) * 5, saturday, ()))
    juarez = sites["plaza"].maintenance
    assert juarez is not None
    assert (juarez.zone, juarez.week[6]) == ("America/Ciudad_Juarez", (Opening(time(2), time(4)),))


def test_null_is_any_time(tmp_path: Path) -> None:
    assert load(tmp_path).sites["oficina"].maintenance is None


def test_windows_without_an_hour_are_refused_once_for_all_their_sites(tmp_path: Path) -> None:
    everywhere = ("{mon-fri: 01:00-05:00, sat: [00:00-06:00, 23:00-24:00]}", "{mon-sun: []}")
    assert complaint(tmp_path, everywhere) == (
        "7: defaults.maintenance.week: has no hour, so the devices of cerro could never be changed, "
        "write some, or `maintenance: null` for any time"
    )


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (("parent: hub, link: far", "parent: hub"), ("parent: near}", "parent: near, link: near}")),
        (("parent: near}", "parent: near, link: near}"),),
    ],
    ids=["at the near end", "at the far end", "at both"],
)
def test_a_link_may_be_written_at_either_end_or_at_both(
    tmp_path: Path, changes: tuple[tuple[str, str], ...]
) -> None:
    devices = load(tmp_path, *changes).devices
    assert {devices["near"].link, devices["far"].link} - {""} <= {"near", "far"}


def test_a_link_with_itself_is_refused(tmp_path: Path) -> None:
    said = "19: devices.near.link: joins the device with itself, name the other end"
    assert complaint(tmp_path, ("link: far", "link: near")) == said


def test_a_link_with_nobody_is_refused(tmp_path: Path) -> None:
    said = "19: devices.near.link: 'fra' is not in devices, write one of ap, far, hub, near, station"
    assert complaint(tmp_path, ("link: far", "link: fra")) == said


def test_one_end_of_a_link_is_the_others_parent(tmp_path: Path) -> None:
    assert complaint(tmp_path, ("link: far", "link: ap")) == (
        "19: devices.near.link: ap is not the parent of near, nor the other way round, "
        "write at the far end `parent:` with the near one, over which it is reached"
    )


def test_a_hub_with_many_stations_is_in_no_second_link(tmp_path: Path) -> None:
    first = (
        "address: 10.0.0.2, role: backhaul, parent: hub, link: far",
        "address: 10.0.0.2, parent: hub, link: hub",
    )
    second = ("role: backhaul, parent: hub}", "role: backhaul, parent: hub, link: hub}")
    assert complaint(tmp_path, first, second) == (
        "22: devices.station.link: hub is in a link with near already, line 19, "
        "a device is in one link; the others behind a point-to-multipoint hub have no `link`"
    )


def test_a_parent_that_is_misspelt_is_told_once(tmp_path: Path) -> None:
    assert "devices.far.parent" in complaint(tmp_path, ("parent: near}", "parent: naer}"))
