"""`probe:` of a site: an interface of this machine, of one site only."""

from pathlib import Path

import pytest

from controller import inventory
from controller.errors import InventoryError

GOOD = (Path(__file__).parent / "keeping.yaml").read_text(encoding="utf-8")
PLAZA, CLINIC = "    hours: {week: {mon-sun: 00:00-24:00}}\n", "    reach: {kind: via, through: gw-clinic}\n"


def written(folder: Path, plaza: str, clinic: str = "") -> Path:
    text = GOOD.replace(PLAZA, f"{PLAZA}    probe: {plaza}\n", 1)
    text = text.replace(CLINIC, f"{CLINIC}    probe: {clinic}\n", 1) if clinic else text
    (folder / "inventory.yaml").write_text(text, encoding="utf-8")
    return folder / "inventory.yaml"


def test_a_site_says_which_interface_is_in_its_guests_network(tmp_path: Path) -> None:
    sites = inventory.load(written(tmp_path, "eth1.20", "eth1.21"), ("openwrt",)).sites
    assert (sites["08052-plaza"].probe, sites["08052-clinic"].probe) == ("eth1.20", "eth1.21")
    assert sites["08019-plaza"].probe == ""


def test_what_is_no_name_of_an_interface_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="is no network interface"):
        inventory.load(written(tmp_path, "a-name-that-is-too-long"), ("openwrt",))


def test_two_sites_of_one_interface_are_one_line_that_names_the_other(tmp_path: Path) -> None:
    file = written(tmp_path, "eth1.20", "eth1.20")
    with pytest.raises(InventoryError) as caught:
        inventory.load(file, ("openwrt",))
    lines = file.read_text().splitlines()
    first, second = (number for number, line in enumerate(lines, 1) if "probe: eth1.20" in line)
    mend = "write the one that is in the guests' network here"
    assert str(caught.value) == (
        f"{file}:{second}: sites.08052-clinic.probe: is the interface of 08052-plaza, line {first}, {mend}"
    )
