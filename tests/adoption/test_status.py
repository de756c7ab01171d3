"""`plaza adopt status` names a next step that is not refused, whatever the platform."""

import pytest

from tests.adoption.conftest import Type
from tests.adoption.factory import ENTRY, NAME, Office


@pytest.mark.parametrize(
    ("platform", "says"),
    [
        ("openwrt", f"plaza adopt script {NAME}"),
        ("mikrotik_routeros", f"plaza adopt script {NAME}"),
        ("cisco_ios", f"put our key on it by hand, then plaza adopt {NAME}"),
        (
            "ubiquiti_unifi",
            "take it in at its UniFi Network controller (plaza adopt dhcp 08019-plaza --controller IP leads "
            f"it there), then plaza adopt done {NAME}",
        ),
        ("ups", f"set it up as its vendor says, then plaza adopt done {NAME}"),
    ],
)
def test_the_next_step_is_one_that_its_platform_allows(
    platform: str, says: str, empty: Office, plaza: Type
) -> None:
    poll = ", poll: ssh" if platform in {"openwrt", "mikrotik_routeros"} else ", poll: snmp"
    text = empty.inventory.read_text().replace("  poll: ssh\n", "  snmp: {credentials: v2}\n")
    text = text.replace("credentials:\n", "credentials:\n  v2: {kind: snmp-v2c, community: ref+file:v2}\n", 1)
    entry = ENTRY.replace("}", f", platform: {platform}{poll}}}")
    empty.inventory.write_text(f"{text}devices:\n{entry}")
    code, out, _ = plaza("adopt status")
    assert (code, says in out) == (0, True), out
    code, _, err = plaza(f"adopt script {NAME} --out 99-plaza")
    assert (code == 0) == ("adopt script" in says), err
    assert code == 0 or f"instead: {says}" in err
    if "adopt dhcp" in says:
        assert plaza("adopt dhcp 08019-plaza --controller 10.0.0.1")[0] == 0


def test_a_script_is_not_named_where_the_inventory_lacks_the_mac(empty: Office, plaza: Type) -> None:
    entry = ENTRY.replace(", mac: 02:00:5e:10:00:01", "")
    empty.inventory.write_text(f"{empty.inventory.read_text()}devices:\n{entry}")
    assert f"write its `mac:` into the inventory, then plaza adopt script {NAME}" in plaza("adopt status")[1]
