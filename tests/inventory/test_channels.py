"""A radio's channel and width: only what lies in one block, and each mistake on a line of its own."""

from pathlib import Path

import pytest

from controller import inventory
from controller.inventory_channels import fitting
from drivers.model import Band
from tests.inventory.test_broken_files import GOOD, PLATFORMS, complaints

DEVICE = "radios: {5g: {channel: 36}}"


def told(folder: Path, radios: str) -> list[str]:
    """What is said of the radios of a device in line 65, without the file's name."""
    file = folder / "inventory.yaml"
    file.write_text(GOOD.replace(DEVICE, f"radios: {radios}", 1), encoding="utf-8")
    return [line.removeprefix(f"{file}:65: devices.ap-08019-1.radios.") for line in complaints(file)]


@pytest.mark.parametrize(
    ("band", "width_mhz", "fit"),
    [
        (Band.GHZ_2, 40, [*range(1, 14)]),
        (Band.GHZ_5, 20, [*range(36, 65, 4), *range(100, 145, 4), *range(149, 166, 4)]),
        (Band.GHZ_5, 40, [*range(36, 65, 4), *range(100, 145, 4), *range(149, 162, 4)]),
        (Band.GHZ_5, 80, [*range(36, 65, 4), *range(100, 145, 4), *range(149, 162, 4)]),
        (Band.GHZ_5, 160, [*range(36, 65, 4), *range(100, 129, 4)]),
        (Band.GHZ_6, 20, [*range(1, 234, 4)]),
        (Band.GHZ_6, 40, [*range(1, 230, 4)]),
        (Band.GHZ_6, 80, [*range(1, 222, 4)]),
        (Band.GHZ_6, 160, [*range(1, 222, 4)]),
        (Band.GHZ_6, 320, [*range(1, 222, 4)]),
    ],
)
def test_a_channel_fits_a_width_where_the_whole_block_is_there(
    band: Band, width_mhz: int, fit: list[int]
) -> None:
    assert list(fitting(band, width_mhz)) == fit


def test_every_channel_of_two_radios_is_told_by_itself(tmp_path: Path) -> None:
    assert told(tmp_path, "{2g4: {channel: 15}, 5g: {channel: 37}}") == [
        "2g4.channel: 2g4 has no channel 15, write a channel of that band, or auto",
        "5g.channel: 5g has no channel 37, write a channel of that band, or auto",
    ]


def test_width_and_power_of_one_radio_are_both_told(tmp_path: Path) -> None:
    assert told(tmp_path, "{5g: {width_mhz: 17, power_dbm: 99}}") == [
        "5g.width_mhz: 5g has no width of 17 MHz, write one of 20, 40, 80, 160",
        "5g.power_dbm: is too large, write at most 40",
    ]


def test_a_mistake_of_a_radio_hides_none_in_the_lines_below_it(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    lines = (
        "radios:\n      2g4:\n        channel: 15\n      5g:\n        channel: 165\n        width_mhz: 80\n"
    )
    text = GOOD.replace("    uplink: {kind: satellite", f"    {lines}    uplink: {{kind: satellite", 1)
    file.write_text(text, encoding="utf-8")
    assert [line.partition(": ")[0].rpartition(":")[2] for line in complaints(file)] == ["48", "50"]


def test_a_channel_in_a_map_that_nobody_inherits_is_told_too(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    text = GOOD.replace(
        "profiles:\n", "profiles:\n  idle: {radios: {6g: {channel: 233, width_mhz: 320}}}\n", 1
    )
    file.write_text(text, encoding="utf-8")
    assert complaints(file) == [
        f"{file}:9: profiles.idle.radios.6g.channel: channel 233 of 6g is in no block of 320 MHz, "
        "write a channel of 1-221, or auto, or `width_mhz:` 20"
    ]


def test_the_last_channel_of_2_4_ghz_has_its_second_half_below_it(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD.replace(DEVICE, "radios: {2g4: {channel: 13, width_mhz: 40}}", 1), encoding="utf-8")
    inventory.load(file, PLATFORMS)
