"""Fixtures of the simulator's tests."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import need
from tests.simulator.lab import Simulator


@pytest.fixture(scope="session", autouse=True)
def _peers() -> None:
    need.program("snmpbulkwalk", "snmp")
    need.program("ssh", "openssh-client")


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ed25519 key made by OpenSSH."""
    path = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(
        [need.program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)],
        check=True,
    )
    return path


def _simulator(directory: Path, key_pair: Path) -> Simulator:
    made = Simulator(directory, key_pair.with_suffix(".pub").read_text().strip())
    made.key = key_pair
    return made


@pytest.fixture
def simulator(tmp_path: Path, key_pair: Path) -> Iterator[Simulator]:
    """A simulator without access points, not started."""
    made = _simulator(tmp_path, key_pair)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, key_pair: Path) -> Iterator[Simulator]:
    """A running simulator that all tests of a module share: `wrt` and `box`, an OpenWrt and a generic AP."""
    made = _simulator(tmp_path_factory.mktemp("town"), key_pair)
    made.ap("wrt")
    made.ap("box", platform="generic")
    made.start()
    yield made
    made.stop()
