"""The shipped inventory.yaml is the State of Chihuahua as INEGI and the law of time zones have it."""

import csv
import os
import time
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controller import inventory
from controller.model import Inventory, UplinkKind
from drivers.model import Endpoint, PollProfile, Role

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "inventory.yaml"
JUAREZ = {
    "08005",
    "08028",
    "08035",
    "08037",
    "08053",
}  # Ascensión, Guadalupe, Janos, Juárez, Praxedis G. Guerrero
OJINAGA = {"08015", "08042", "08052"}  # Coyame del Sotol, Manuel Benavides, Ojinaga


@pytest.fixture(scope="module")
def state() -> Inventory:
    return inventory.load(SHIPPED)


@pytest.fixture(scope="module")
def census() -> list[dict[str, str]]:
    folder = Path(os.environ.get("PLAZA_DATA", str(ROOT.parent / "shared" / "data")))
    file = folder / "municipalities.csv"
    if not file.is_file():
        pytest.skip(f"no {file}: set PLAZA_DATA")
    with file.open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def test_everybody_is_asked_as_often_as_the_demonstration_says(state: Inventory) -> None:
    assert {device.poll_profile for device in state.devices.values()} == {PollProfile.NORMAL}


def test_it_has_67_municipalities_67_sites_and_134_access_points(state: Inventory) -> None:
    assert list(state.municipalities) == [f"08{number:03d}" for number in range(1, 68)]
    assert len(state.sites) == 67
    assert len(state.devices) == 134
    assert {device.role for device in state.devices.values()} == {Role.AP}
    assert Counter(device.site for device in state.devices.values()) == dict.fromkeys(state.sites, 2)


def test_names_seats_and_coordinates_are_those_of_the_census(
    state: Inventory, census: list[dict[str, str]]
) -> None:
    ours = [(m.key, m.name, m.seat) for m in state.municipalities.values()]
    assert ours == [(row["cvegeo"], row["municipio"], row["cabecera"]) for row in census]
    for row in census:
        site = state.sites[f"{row['cvegeo']}-plaza"]
        assert (site.municipality, site.lat, site.lon) == (
            row["cvegeo"],
            float(row["cabecera_lat"]),
            float(row["cabecera_lon"]),
        )


def test_eight_border_municipalities_have_the_zones_of_the_law(state: Inventory) -> None:
    for key, municipality in state.municipalities.items():
        zone = "Ciudad_Juarez" if key in JUAREZ else "Ojinaga" if key in OJINAGA else "Chihuahua"
        assert municipality.zone == f"America/{zone}"
        assert ZoneInfo(municipality.zone).key == municipality.zone
        assert state.sites[f"{key}-plaza"].hours.zone == municipality.zone


def test_the_simulated_network_is_addressed_by_municipality(state: Inventory) -> None:
    for number, key in enumerate(state.municipalities, start=1):
        for which in (1, 2):
            device = state.devices[f"ap-{key}-{which}"]
            assert device.address == f"127.8.{number}.{10 + which}"
            assert device.snmp == Endpoint(device.address, 16161)
            assert device.ssh == Endpoint(device.address, 16122)
            assert device.ssh_credentials == "aps-ssh"
            generic = which == 2 and number % 6 == 0
            assert device.platform == ("generic" if generic else "openwrt")


def test_one_access_point_of_each_zone_is_asked_with_snmp_v3(state: Inventory) -> None:
    version3 = [d for d in state.devices.values() if d.snmp_credentials == "aps-snmp3"]
    assert [device.name for device in version3] == ["ap-08001-1", "ap-08005-1", "ap-08015-1"]
    assert {state.municipalities[device.municipality].zone for device in version3} == {
        "America/Chihuahua",
        "America/Ciudad_Juarez",
        "America/Ojinaga",
    }
    assert {d.snmp_credentials for d in state.devices.values()} == {"aps-snmp", "aps-snmp3"}


def test_three_sites_have_their_gateway_on_the_loopback_and_are_always_open(state: Inventory) -> None:
    local = {
        key: s.portal.gateway_url for key, s in state.sites.items() if "127.0.0.1" in s.portal.gateway_url
    }
    assert local == {
        "08019-plaza": "http://127.0.0.1:16261",
        "08037-plaza": "http://127.0.0.1:16262",
        "08052-plaza": "http://127.0.0.1:16263",
    }
    assert len({site.portal.gateway_url for site in state.sites.values()}) == 67
    for key in local:
        hours = state.sites[key].hours
        assert all(day == hours.week[0] and len(day) == 1 for day in hours.week)
        assert not hours.holidays
        assert not hours.exceptions


def test_uplinks_differ_and_every_satellite_link_has_a_cap(state: Inventory) -> None:
    kinds = Counter(site.uplink.kind for site in state.sites.values())
    assert kinds.keys() >= {UplinkKind.FIBRE, UplinkKind.SATELLITE, UplinkKind.WIRELESS, UplinkKind.CELLULAR}
    assert all(
        site.uplink.cap_gb for site in state.sites.values() if site.uplink.kind is UplinkKind.SATELLITE
    )
    assert len({site.uplink.contract for site in state.sites.values()}) == 67


def test_every_access_point_has_radios_and_a_name_on_the_air(state: Inventory) -> None:
    for device in state.devices.values():
        assert len(device.radios) == 2
        assert "Chihuahua Gratis" in {ssid.name for ssid in device.ssids}


def test_credentials_are_references_only(state: Inventory) -> None:
    assert list(state.credentials) == ["aps-snmp", "aps-snmp3", "aps-ssh", "gateways"]
    references = {value for entry in state.credentials.values() for value in entry.values() if ":" in value}
    files = {f"ref+file:{name}" for name in ("aps-ssh-key", "gateway-key")}
    masters = {f"ref+derived:{name}#municipality" for name in ("snmp-master", "snmp3-master")}
    assert references == files | masters


def test_it_credits_its_sources() -> None:
    header = SHIPPED.read_text(encoding="utf-8").split("version:")[0]
    for source in (
        "«Fuente: INEGI, Censo de Población y Vivienda 2020",
        "Ley de los Husos Horarios",
        "2022g",
    ):
        assert source in header


def test_every_device_is_one_line() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").split("\n")
    assert sum(line.startswith("  ap-08") and line.endswith("}") for line in lines) == 134


@pytest.mark.soak
def test_twenty_times_the_network_costs_no_more_than_in_proportion(tmp_path: Path) -> None:
    small, large = (grown(tmp_path / f"{factor}.yaml", factor) for factor in (2, 40))
    assert len(inventory.load(large).devices) == 40 * 134
    assert cpu_s(large) < 20 * 3 * cpu_s(small)


def grown(path: Path, factor: int) -> Path:
    """The shipped file with `factor` times its devices."""
    text = SHIPPED.read_text(encoding="utf-8")
    head, devices = text.split("\ndevices:\n")
    rows = [
        row.replace("  ap-", f"  ap{copy}-").replace("address: 127.8.", f"address: 127.{copy + 8}.")
        for copy in range(factor)
        for row in devices.splitlines()
    ]
    path.write_text(head + "\ndevices:\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def cpu_s(path: Path) -> float:
    """The least of three, because the machine does other things too."""
    took = []
    for _ in range(3):
        begun = time.process_time()
        inventory.load(path)
        took.append(time.process_time() - begun)
    return min(took)
