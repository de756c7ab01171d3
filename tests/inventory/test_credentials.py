"""What a credential may say reaches the poller as it was written."""

from pathlib import Path

import pytest

from controller import inventory
from controller.model import Inventory

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
V2 = "{kind: snmp-v2c, community: ref+file:community}"
USER = "user: plaza, "


def loaded(tmp_path: Path, good: str, instead: str) -> Inventory:
    assert good in GOOD
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD.replace(good, instead, 1), encoding="utf-8")
    return inventory.load(file, ("openwrt", "generic"))


def test_a_device_may_be_asked_with_snmp_v1(tmp_path: Path) -> None:
    found = loaded(tmp_path, V2, "{kind: snmp-v1, community: ref+file:community}")
    assert found.credentials["v2"] == {"kind": "snmp-v1", "community": "ref+file:community"}
    assert {device.snmp_credentials for device in found.devices.values()} >= {"v2"}


@pytest.mark.parametrize("protocol", ["des", "aes128", "aes192", "aes256", "aes192c", "aes256c"])
def test_every_privacy_protocol_may_be_named(tmp_path: Path, protocol: str) -> None:
    found = loaded(tmp_path, USER, f"{USER}priv_protocol: {protocol}, ")
    assert found.credentials["v3"]["priv_protocol"] == protocol


def test_privacy_may_be_none(tmp_path: Path) -> None:
    found = loaded(tmp_path, ", priv_key: ref+env:PRIV", ", priv_protocol: none")
    assert found.credentials["v3"]["priv_protocol"] == "none"


def test_a_context_is_kept_and_its_absence_says_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, USER, f"{USER}context: vlan-20, ").credentials["v3"]["context"] == "vlan-20"
    assert "context" not in loaded(tmp_path, USER, USER).credentials["v3"]
