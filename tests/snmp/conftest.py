"""Agents and pollers of this room's tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.snmp.engine import Engine
from drivers.snmp.pysnmp_backend import PysnmpPoller
from tests import need
from tests.snmp.polling import MakePoller
from tests.snmp.snmpd import Snmpd, free_port, snmpd
from tests.snmp.stand_ins import OpenWrt

PLAZA_SH = Path(sys.modules["drivers"].__path__[0]) / "platforms" / "openwrt" / "snmp" / "plaza.sh"


@pytest.fixture(params=["engine", "pysnmp"])
def make(request: pytest.FixtureRequest) -> MakePoller:
    """Both implementations, one after the other."""
    return Engine if request.param == "engine" else PysnmpPoller


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A real snmpd as on an access point: the extend runs plaza.sh under BusyBox."""
    busybox = need.program("busybox", "busybox")
    directory = tmp_path_factory.mktemp("snmpd")
    commands = OpenWrt().install(directory / "bin")
    with snmpd(
        directory,
        name="ap-08019-1",
        extra=f"extend plaza {busybox} sh {PLAZA_SH}",
        environ={"PATH": f"{commands}:/usr/sbin:/usr/bin:/sbin:/bin"},
    ) as running:
        yield running


@pytest.fixture
def nobody() -> int:
    """A UDP port where nothing listens."""
    return free_port()
