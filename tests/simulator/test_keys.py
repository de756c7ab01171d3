"""Whose keys a virtual access point takes: those of its own authorized_keys, as its dropbear would."""

import base64
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from drivers.ssh_offer import accepts
from tests import need
from tests.rollouts.fleet import fleet
from tests.simulator.lab import Simulator

FILE = "etc/dropbear/authorized_keys"
STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlazaPlazaPlazaPlazaPlazaPlazaPlazaPlazaPlaz nadie\n"


@pytest.fixture(scope="module")
def ana(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key of a technician."""
    path = tmp_path_factory.mktemp("ana") / "id"
    keygen = need.program("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", "rsa", "-C", "ana", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def file(town: Simulator) -> Iterator[Path]:
    """The keys of `wrt`, which are afterwards what they were."""
    path = Path(town.spec["state_dir"]) / "wrt" / FILE
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def lets_in(town: Simulator, key: Path, place: int = 0) -> bool:
    """Whether OpenSSH's client gets in with this key."""
    own, town.key = town.key, key
    said = town.ssh(town.spec["aps"][place], "true")
    town.key = own
    assert said.returncode == 0 or b"Permission denied" in said.stderr, said.stderr
    return bool(said.returncode == 0)


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text()


def test_the_key_of_the_spec_is_the_first_in_the_file_and_nobody_else_gets_in(
    town: Simulator, file: Path, ana: Path
) -> None:
    assert file.read_text() == public(town.key)
    assert lets_in(town, town.key)
    assert not lets_in(town, ana)


def test_who_is_written_into_the_file_gets_in_and_who_is_taken_out_does_not(
    town: Simulator, file: Path, ana: Path
) -> None:
    file.write_text(f"# BEGIN\n{STRANGER}\n{public(ana)}# END\nno es clave\n")
    assert lets_in(town, ana)
    assert not lets_in(town, town.key)
    assert not lets_in(town, ana, place=1), "the neighbour has a file of its own"
    file.write_text(STRANGER)
    assert not lets_in(town, ana)


def test_a_key_counts_behind_options_and_not_in_a_comment(town: Simulator, file: Path, ana: Path) -> None:
    file.write_text(f"no-pty,no-port-forwarding {public(ana)}")
    assert lets_in(town, ana)
    file.write_text(f"  # {public(ana)}")
    assert not lets_in(town, ana)


def test_a_key_that_paramiko_cannot_read_is_refused_as_any_other_and_known_when_it_is_written(
    town: Simulator, file: Path
) -> None:
    token = "sk-ssh-ed25519@openssh.com"
    octets = b"".join(len(part).to_bytes(4) + part for part in (token.encode(), b"k" * 32, b"ssh:"))
    line = f"{token} {base64.b64encode(octets).decode()} llave de ana"
    assert not offered(town, line)
    file.write_text(f"{file.read_text()}{line}\n")
    assert offered(town, line)


def offered(town: Simulator, line: str) -> bool:
    """Whether the server would take this public key, as it says before any signature."""
    ap = town.spec["aps"][0]["ssh"]
    with socket.create_connection((ap["host"], ap["port"]), timeout=30) as sock:
        transport = paramiko.Transport(sock)
        transport.start_client(timeout=30)
        taken = accepts(transport, "root", line, 30)
        transport.close()
    return taken


def test_nobody_gets_in_where_the_file_is_gone_until_the_next_start(simulator: Simulator, ana: Path) -> None:
    simulator.ap("wrt")
    simulator.start()
    path = Path(simulator.spec["state_dir"]) / "wrt" / FILE
    path.unlink()
    assert not lets_in(simulator, simulator.key)
    simulator.stop()
    simulator.start()
    assert lets_in(simulator, simulator.key)
    path.write_text(public(ana))
    simulator.stop()
    simulator.start()
    assert lets_in(simulator, ana)
    assert not lets_in(simulator, simulator.key)


@pytest.mark.soak
def test_a_technician_gets_in_once_plaza_has_written_her_key_and_not_once_it_is_revoked(
    tmp_path: Path, ana: Path
) -> None:
    town = fleet(tmp_path, 1)
    try:
        inventory = tmp_path / "inventory.yaml"
        person = f"people:\n  ana: {{ssh_keys: [{public(ana).strip()}]}}\n"
        inventory.write_text(inventory.read_text() + person)
        assert not lets_in(town.simulator, ana)
        applied = town.plaza("apply ap-000 --yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert lets_in(town.simulator, ana)
        assert lets_in(town.simulator, tmp_path / "var/secrets/aps-ssh-key")
        revoked = town.plaza("access revoke ana --yes --why left")
        assert revoked.returncode == 0, revoked.stdout + revoked.stderr
        assert not lets_in(town.simulator, ana)
        assert lets_in(town.simulator, tmp_path / "var/secrets/aps-ssh-key")
    finally:
        town.simulator.stop()
