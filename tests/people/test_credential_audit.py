"""Who shares a secret, how old it is, and whether a thief knows it already."""

import os
from pathlib import Path

import pytest

from controller.secrets import derived
from tests.configure.device import OpenSsh
from tests.people.town import Town, town
from tests.snmp.snmpd import snmpd

CREDENTIALS = """
credentials:
  nms: {kind: snmp-v3, user: plaza, auth_key: "ref+derived:master#municipality",
    priv_key: "ref+derived:master#municipality"}
  v2: {kind: snmp-v2c, community: ref+file:community}
  vendor: {kind: ssh, user: admin, password: ref+file:vendor}
"""
TOWN = """
municipalities:
  08052: {name: Ojinaga, seat: Ojinaga, zone: America/Ojinaga}
"""
SITE = """
sites:
  08052-plaza: {municipality: 08052, name: Plaza, lat: 29.5, lon: -104.4, opened_on: 2026-01-15}
"""
DEVICES = """
devices:
  caja: {site: 08052-plaza, address: 127.0.0.8, ssh: {credentials: vendor}}
"""


def widened(here: Town) -> None:
    """Two municipalities, and some more credentials."""

    def edit(text: str) -> str:
        for more in (CREDENTIALS, TOWN, SITE, DEVICES):
            key = more.split("\n")[1]
            text = text.replace(f"\n{key}\n", more, 1)
        keeping = "  snmp: {credentials: v2}\n  manage: {snmp_users: [nms]}\n"
        return text.replace("  profile: plaza\n", f"  profile: plaza\n{keeping}", 1)

    here.write_inventory(edit)
    for name, word in {"master": "m" * 64, "community": "public", "vendor": "ubnt"}.items():
        (here.secrets / name).write_text(word)
        (here.secrets / name).chmod(0o600)


def test_what_is_shared_too_widely_or_known_to_everybody_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        widened(here)
        os.utime(here.secrets / "staff", (0, 0))
        code, said = here.plaza("credentials audit")
        assert code == 3
        lines = said.split("\n")
        assert (
            "! v2: snmp-v2c, 2 devices of 2 sites in 2 municipalities share one secret, the whole state"
            in said
        )
        assert "! v2: its community is one that factories set; write another" in lines
        assert "! vendor: its password is one that factories set; write another" in lines
        assert any(line.startswith("! staff: staff is ") and "days old" in line for line in lines)
        assert any(
            line.startswith("  nms: ") and "each municipality has one of its own" in line for line in lines
        )
        assert any(line.startswith("  aps-ssh: ") and "no device holds the secret" in line for line in lines)
        assert "ubnt" not in said


def test_a_secret_for_the_hand_is_shown_as_the_device_has_it_and_the_audit_log_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        widened(here)
        code, said = here.plaza("credentials show nms caja")
        *lines, note = said.splitlines()
        keys = dict(line.split(": ") for line in lines)
        assert (code, note) == (0, "nms: in use; it is not being rotated")
        assert (list(keys), keys["user"]) == (["user", "auth_key", "priv_key"], "plaza")
        assert keys["auth_key"] == derived(b"m" * 64, "nms", "auth_key", "municipality", "08052")
        assert here.plaza("credentials show vendor caja")[0] == 2
        assert here.actions("nms") == ["secret-shown"]


def test_factory_logins_are_tried_once_and_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        town(tmp_path, monkeypatch, capsys, (OpenSsh,)) as here,
        snmpd(tmp_path / "agent", extra="rocommunity public") as agent,
    ):
        here.write_inventory(
            lambda text: text.replace("ssh: {host:", f"snmp: {{port: {agent.port}}}, ssh: {{host:", 1)
        )
        widened(here)
        code, said = here.plaza("credentials audit --try ap-1 --yes")
        assert code == 3
        assert "  ap-1: refuses the factory login of root" in said
        assert "! ap-1: its agent answers the community public; take it away" in said
        assert here.actions("ap-1").count("factory-login-tried") == 1
