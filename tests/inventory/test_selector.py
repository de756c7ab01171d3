"""Selectors pick devices, and say what is wrong when they pick none."""

from pathlib import Path

import pytest

from controller import inventory
from controller.errors import SelectorError
from controller.model import Inventory
from controller.selector import select


@pytest.fixture(scope="module")
def network() -> Inventory:
    return inventory.load(Path(__file__).parent / "good.yaml", ("openwrt", "generic"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ap-school", "ap-school"),
        ("ap-08052-*", "ap-08052-1 ap-08052-b1"),
        ("gw-08052*", "gw-08052 gw-08052-b"),
        ("site=08019-school", "ap-school"),
        ("site=08052-*", "gw-08052 ap-08052-1 gw-08052-b ap-08052-b1"),
        ("mun=08019", "ap-08019-1 sw-08019 ap-school ap-far"),
        ("platform=generic", "sw-08019"),
        ("role=gateway", "gw-08052 gw-08052-b"),
        ("mun=08052,role=ap", "ap-08052-1 ap-08052-b1"),
        ("all, role=switch", "sw-08019"),
    ],
)
def test_a_selector_picks_devices_in_file_order(network: Inventory, text: str, names: str) -> None:
    assert " ".join(device.name for device in select(network, text)) == names


def test_all_is_every_device(network: Inventory) -> None:
    assert select(network, "all") == tuple(network.devices.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ap-schol", "selector 'ap-schol' fits no device, did you mean ap-school?"),
        ("site=08019-plaz", "selector 'site=08019-plaz' fits no device, did you mean site=08019-plaza?"),
        ("mun=chihuahua", "selector 'mun=chihuahua' fits no device, did you mean mun=08019?"),
        ("mun=21114", "selector 'mun=21114' fits no device, there is 08019, 08052"),
        (
            "mun=san juan",
            "selector 'mun=san juan' has a space; a comma joins terms, and a device must fit all of"
            " them: mun=san,juan",
        ),
        (
            "site=08019-school role=ap",
            "selector 'site=08019-school role=ap' has a space; a comma joins terms, and"
            " a device must fit all of them: site=08019-school,role=ap",
        ),
        ("vendor=x", "selector term 'vendor=x' is not known, write site=…, mun=…, platform=…, role=…"),
        ("role=", "selector term 'role=' is empty, write `all`, a device name, or site=08019-plaza"),
        ("", "selector term '' is empty, write `all`, a device name, or site=08019-plaza"),
        (
            "ap-school,ap-far",
            "selector 'ap-school,ap-far' fits no device, a comma means and:"
            " every term must fit the same device",
        ),
    ],
)
def test_a_selector_that_picks_nothing_says_why(network: Inventory, text: str, said: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select(network, text)
    assert str(caught.value) == said
