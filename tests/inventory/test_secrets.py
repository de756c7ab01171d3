"""Secrets are read only from places that nobody else can read, and never show."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.errors import SecretError
from controller.secrets import NEXT, NOW, FileSecrets, site_key
from drivers.model import Secret, SnmpV1, SnmpV2c, SnmpV3, SshLogin
from tests import need

CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "v1": {"kind": "snmp-v1", "community": "ref+file:community"},
    "v2": {"kind": "snmp-v2c", "community": "ref+file:community"},
    "env": {"kind": "snmp-v2c", "community": "ref+env:PLAZA_COMMUNITY"},
    "v3": {
        "kind": "snmp-v3",
        "user": "plaza",
        "auth_protocol": "sha256",
        "auth_key": "ref+file:auth",
        "priv_protocol": "aes128",
        "priv_key": "ref+file:priv",
    },
    "context": {
        "kind": "snmp-v3",
        "user": "plaza",
        "auth_key": "ref+file:auth",
        "priv_protocol": "aes256c",
        "priv_key": "ref+file:priv",
        "context": "vlan-20",
    },
    "shell": {"kind": "ssh", "user": "root", "private_key": "ref+file:key"},
    "gate": {"kind": "gateway", "key": "ref+file:gate"},
    "cafe": {"kind": "wifi", "passphrase": "ref+env:CAFE"},
    "fas": {"kind": "portal", "secret": "ref+file:fas"},
    "literal": {"kind": "snmp-v2c", "community": "hunter2"},
}


def write(directory: Path, name: str, content: str, mode: int = 0o600) -> Path:
    path = directory / name
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


def secrets(directory: Path, **environ: str) -> FileSecrets:
    return FileSecrets(CREDENTIALS, directory, environ)


def refusal(directory: Path, name: str = "v2", **environ: str) -> str:
    with pytest.raises(SecretError) as caught:
        secrets(directory, **environ).snmp(name)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_a_file_gives_its_content_without_the_one_final_newline(tmp_path: Path) -> None:
    write(tmp_path, "community", "hunter2 \n\n")
    assert secrets(tmp_path).snmp("v2") == SnmpV2c(Secret("hunter2 \n"))


def test_a_variable_gives_its_value(tmp_path: Path) -> None:
    assert secrets(tmp_path, PLAZA_COMMUNITY="ñandú").snmp("env") == SnmpV2c(Secret("ñandú"))


def test_snmp_v3_and_ssh_have_all_their_parts(tmp_path: Path) -> None:
    for name in ("auth", "priv", "key"):
        write(tmp_path, name, f"{name}-value\n")
    auth, priv = Secret("auth-value"), Secret("priv-value")
    assert secrets(tmp_path).snmp("v3") == SnmpV3("plaza", "sha256", auth, "aes128", priv)
    assert secrets(tmp_path).ssh("shell") == SshLogin("root", Secret("key-value"))


def test_an_old_device_gets_an_snmp_v1_community(tmp_path: Path) -> None:
    write(tmp_path, "community", "hunter2")
    assert secrets(tmp_path).snmp("v1") == SnmpV1(Secret("hunter2"))


def test_snmp_v3_may_name_a_context_and_longer_keys(tmp_path: Path) -> None:
    for name in ("auth", "priv"):
        write(tmp_path, name, f"{name}-value\n")
    auth, priv = Secret("auth-value"), Secret("priv-value")
    wanted = SnmpV3("plaza", "sha1", auth, "aes256c", priv, "vlan-20")
    assert secrets(tmp_path).snmp("context") == wanted


def test_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    found = secrets(tmp_path)
    write(tmp_path, "community", "old")
    assert found.snmp("v2") == SnmpV2c(Secret("old"))
    write(tmp_path, "community", "new")
    assert found.snmp("v2") == SnmpV2c(Secret("new"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_file_open_to_others_is_refused_with_the_command_that_mends_it(mode: int, tmp_path: Path) -> None:
    path = write(tmp_path, "community", "hunter2", mode)
    trouble = f"credential v2: ref+file:community: {path} is open to others (mode {mode:04o})"
    assert refusal(tmp_path) == f"{trouble}, mend with: chmod 600 {path}"


def test_a_link_is_judged_by_the_file_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere", "hunter2", 0o644)
    (tmp_path / "community").symlink_to(tmp_path / "elsewhere")
    assert "is open to others" in refusal(tmp_path)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    need.root()
    path = write(tmp_path, "community", "hunter2")
    os.chown(path, 65534, 65534)
    assert f"belongs to user 65534, mend with: chown 0 {path}" in refusal(tmp_path)


def test_a_missing_file_an_empty_one_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "community"
    made = f"install -d -m 700 {path.parent} && (umask 077; cat > {path})"
    assert f"there is no file {path}, write the secret there: {made}" in refusal(tmp_path)
    write(tmp_path, "community", "\n")
    assert refusal(tmp_path) == "credential v2: ref+file:community is empty, write the secret there"
    path.unlink()
    path.mkdir(mode=0o700)
    assert "is no small file" in refusal(tmp_path)
    path.rmdir()
    os.mkfifo(path, 0o600)
    assert "is no small file" in refusal(tmp_path)


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    trouble = "credential env: ref+env:PLAZA_COMMUNITY is not set"
    mend = "set it where plaza is started: export PLAZA_COMMUNITY=…"
    assert refusal(tmp_path, "env") == f"{trouble}, {mend}"


def test_a_literal_is_refused_and_never_shown(tmp_path: Path) -> None:
    said = "credential literal: holds no reference, write ref+file:NAME or ref+env:NAME"
    assert refusal(tmp_path, "literal") == said


def test_an_unknown_name_and_another_kind_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "v4") == "credential v4: is not in the inventory, add it below `credentials:`"
    wanted = "is of kind ssh, name one of kind snmp-v1 or snmp-v2c or snmp-v3 instead"
    assert wanted in refusal(tmp_path, "shell")


def test_a_refused_secret_is_named_as_the_inventory_writes_it(tmp_path: Path) -> None:
    for mark in (NOW, NEXT):
        assert refusal(tmp_path, f"v4{mark}").startswith("credential v4: is not in the inventory")
        assert refusal(tmp_path, f"shell{mark}").startswith("credential shell: is of kind ssh")


def test_a_gateway_key_has_32_octets_or_more(tmp_path: Path) -> None:
    write(tmp_path, "gate", "hunter2")
    with pytest.raises(SecretError, match="shorter than 32 octets") as caught:
        secrets(tmp_path).gateway("gate")
    assert "openssl rand -hex 32" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    write(tmp_path, "gate", "ab" * 32 + "\n")
    assert secrets(tmp_path).gateway("gate") == b"ab" * 32


def test_a_wifi_passphrase_has_8_to_63_characters(tmp_path: Path) -> None:
    assert secrets(tmp_path, CAFE="correcto caballo").passphrase("cafe").reveal() == "correcto caballo"
    with pytest.raises(SecretError, match="not 8 to 63 characters") as caught:
        secrets(tmp_path, CAFE="hunter2").passphrase("cafe")
    assert "hunter2" not in str(caught.value)


def test_a_portal_secret_is_16_printable_characters_or_more(tmp_path: Path) -> None:
    write(tmp_path, "fas", "hunter2-hunter2-\n")
    assert secrets(tmp_path).portal("fas").reveal() == "hunter2-hunter2-"


@pytest.mark.parametrize(
    "written", ["hunter2", "hunter2-hunter2\n\n", "hunter2-hunter2-ñ", "hunter2\thunter2-"]
)
def test_another_portal_secret_is_refused_and_never_shown(written: str, tmp_path: Path) -> None:
    path = write(tmp_path, "fas", written)
    with pytest.raises(SecretError, match="not 16 or more printable ASCII characters") as caught:
        secrets(tmp_path).portal("fas")
    assert f"openssl rand -hex 16 > {path}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_nothing_secret_is_in_a_repr(tmp_path: Path) -> None:
    write(tmp_path, "community", "hunter2")
    found = secrets(tmp_path, CAFE="hunter2hunter2")
    shown = repr(found) + repr(found.snmp("v2")) + repr(found.passphrase("cafe"))
    assert "hunter2" not in shown


def test_each_site_has_a_key_of_its_own() -> None:
    # HMAC-SHA256 with the key "k" * 32 over b"plaza-gateway-v1\0" + b"08019-plaza", by openssl.
    assert len(site_key(b"k" * 32, "08019-plaza")) == 32
    assert site_key(b"k" * 32, "08019-plaza").hex() == OPENSSL_SAYS
    assert site_key(b"k" * 32, "08019-plaza") != site_key(b"k" * 32, "08037-plaza")


OPENSSL_SAYS = "5965811b16498c237151b8f294bc6de0248917af08e81d45dc042640bab5ebd9"
