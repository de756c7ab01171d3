"""What must be true of a machine before a gateway is installed on it; each refusal says what to do."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from captive_portal.gateway import systems
from captive_portal.gateway.config import Config
from captive_portal.gateway.rules import Territory
from captive_portal.gateway.systems import System

ROOT_NEEDED: Final = "only root may do this: run it with sudo"
SUPERVISORS: Final = ("/run/systemd/system", "/sbin/procd")


def refusals(system: System, wanted: Config) -> list[str]:
    """All that stands against it, a line each; none when it can begin."""
    if not_root():
        return [ROOT_NEEDED]
    return [*_missing(system), *_absent(wanted.territory)]


def not_root() -> bool:
    """Whether the kernel would refuse us."""
    return os.geteuid() != 0


def taken(ports: list[tuple[str, int]]) -> list[str]:
    """Addresses that the program could not listen on, and why."""
    return [reason for place in ports if (reason := _taken(*place))]


def _missing(system: System) -> Iterator[str]:
    if not any(Path(place).exists() for place in SUPERVISORS):
        yield "neither systemd nor procd runs this machine: install on Debian or on OpenWrt"
    if not Path(systems.PYTHON).exists():
        yield f"{systems.PYTHON} is missing: install the package python3"
    for program, command in system.packages.items():
        if not shutil.which(program, path=systems.PATH):
            yield f"{program} is missing: {command}"


def _absent(territory: Territory | None) -> Iterator[str]:
    if territory is None:
        yield "this file's gateway only records: build it again with `plaza gateway build`"
        return
    there = [name for _, name in socket.if_nameindex()]
    for side, name in (("lan", territory.lan), ("wan", territory.wan)):
        if name not in there:
            yield f"{side}: no interface {name} among {' '.join(there)}: make it, or build with --{side} NAME"


def _taken(ip: str, port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
            probe.listen()
        except OSError as error:
            what = f"stop who listens there (ss -ltnp sport = :{port}), or give the interface {ip}"
            return f"listen: {ip}:{port}: {error.strerror}: {what}"
    return ""
