"""Secrets that are derived: from one master in a file another for each municipality, site or device."""

from dataclasses import replace
from pathlib import Path

import pytest

from controller.errors import InventoryError, SecretError
from controller.inventory import load
from controller.secrets import NEXT, NOW, FileSecrets, derived
from drivers.model import Device, Endpoint, Role, SnmpV3

AT = Endpoint("127.0.0.1", 22)
AP = Device("ap-1", Role.AP, "08019", "08019-plaza", "openwrt", "127.0.0.1", AT, AT, AT)
SAME_SITE = replace(AP, name="ap-2")
SAME_TOWN = replace(AP, name="ap-3", site="08019-kiosk")
ELSEWHERE = replace(AP, name="ap-4", site="08052-plaza", municipality="08052")
GOOD = (Path(__file__).parent / "keeping.yaml").read_text(encoding="utf-8")


def keyring(folder: Path, scope: str, master: str = "m" * 64) -> FileSecrets:
    (folder / "master").write_text(f"{master}\n")
    (folder / "master").chmod(0o600)
    reference = f"ref+derived:master#{scope}"
    return FileSecrets(
        {
            "nms": {"kind": "snmp-v3", "user": "plaza", "auth_key": reference, "priv_key": reference},
            "staff": {"kind": "wifi", "passphrase": reference},
            "fas": {"kind": "portal", "secret": reference},
        },
        folder,
        {},
    )


@pytest.mark.parametrize(
    ("scope", "alike"),
    [("municipality", [SAME_SITE, SAME_TOWN]), ("site", [SAME_SITE]), ("device", [])],
)
def test_only_devices_of_one_scope_have_the_same(scope: str, alike: list[Device], tmp_path: Path) -> None:
    secrets = keyring(tmp_path, scope)
    mine = secrets.of(AP).passphrase("staff")
    same = [one for one in (SAME_SITE, SAME_TOWN, ELSEWHERE) if secrets.of(one).passphrase("staff") == mine]
    assert same == alike


def test_every_key_of_every_credential_is_another(tmp_path: Path) -> None:
    secrets = keyring(tmp_path, "site").of(AP)
    nms = secrets.snmp("nms")
    assert isinstance(nms, SnmpV3)
    assert nms.auth_key
    assert nms.priv_key
    found = {nms.auth_key.reveal(), nms.priv_key.reveal()}
    found |= {secrets.passphrase("staff").reveal(), secrets.portal("fas").reveal()}
    assert len(found) == 4
    assert all(len(one) == 24 and one.isalnum() for one in found)


def test_it_stays_the_same_for_ever() -> None:
    # hmac.digest(32 × "m", "plaza-derived-v1\0staff\0passphrase\0site\x0008019-plaza", sha256), base32
    assert derived(b"m" * 32, "staff", "passphrase", "site", "08019-plaza") == "2lhakzskf2uwlkc7ctq32zrw"


def test_without_a_device_or_with_a_short_master_it_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="name a device that has it"):
        keyring(tmp_path, "site").passphrase("staff")
    with pytest.raises(SecretError, match="openssl rand -hex 32"):
        keyring(tmp_path, "site", "short").of(AP).passphrase("staff")


def test_during_a_rotation_each_device_has_the_one_it_is_known_to_accept(tmp_path: Path) -> None:
    known = {("staff", "ap-1")}
    secrets = keyring(tmp_path, "site")
    before = secrets.of(AP).passphrase("staff")
    (tmp_path / "master.next").write_text("n" * 64)
    (tmp_path / "master.next").chmod(0o600)
    turned = FileSecrets(secrets._credentials, tmp_path, {}, lambda name, device: (name, device) in known)
    assert turned.of(AP).passphrase("staff") != before
    assert turned.of(SAME_SITE).passphrase("staff") == before
    assert turned.of(AP).passphrase("staff" + NOW) == before
    assert turned.of(SAME_SITE).passphrase("staff" + NEXT) == turned.of(AP).passphrase("staff")


@pytest.mark.parametrize(
    "reference", ["ref+derived:staff", "ref+derived:#site", "ref+derived:staff#state", "ref+derived:a#b#site"]
)
def test_a_reference_that_derives_nothing_is_a_mistake(reference: str, tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD.replace("passphrase: ref+file:staff", f'passphrase: "{reference}"', 1))
    with pytest.raises(InventoryError, match="is no reference to a derived secret"):
        load(file, ("openwrt",))


def test_a_private_key_cannot_be_derived(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD.replace("private_key: ref+file:key", "private_key: ref+derived:key#device", 1))
    with pytest.raises(InventoryError, match="holds a secret, or a reference that cannot be read"):
        load(file, ("openwrt",))
