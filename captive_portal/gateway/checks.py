"""What must be true of a machine before a gateway is installed on it; each refusal says what to do."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway import border, holders, rules, systems
from captive_portal.gateway.config import Config
from captive_portal.gateway.rules import Territory
from captive_portal.gateway.systems import System

ROOT_NEEDED: Final = "only root may do this: run it with sudo"
SUPERVISORS: Final = ("/run/systemd/system", "/sbin/procd")
SO_BINDTODEVICE: Final = 25
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
WORDS: Final = {TCP: ("tcp", "ss -ltnp"), UDP: ("udp", "ss -lunp")}


@dataclass(frozen=True, slots=True)
class Port:
    """One that the gateway listens on; `interface` where only packets from there are meant, else ""."""

    ip: str
    number: int
    kind: socket.SocketKind = TCP
    interface: str = ""


def refusals(system: System, wanted: Config) -> list[str]:
    """All that stands against it, a line each; none when it can begin."""
    if not_root():
        return [ROOT_NEEDED]
    return [*_missing(system, wanted), *_absent(wanted.territory)]


def not_root() -> bool:
    """Whether the kernel would refuse us."""
    return os.geteuid() != 0


def ports(wanted: Config) -> list[Port]:
    """All that the program listens on, and dnsmasq where it gives addresses and names."""
    ours = [Port(*wanted.listen)]
    if wanted.tls:
        ours.append(Port(*wanted.tls.listen))
    if wanted.network:
        ip, lan = str(wanted.network.address), wanted.network.lan
        names = (rules.OPEN_NAMES, rules.FEW_NAMES)
        ours += [Port(ip, number, kind) for number in names for kind in (TCP, UDP)]
        ours.append(Port("0.0.0.0", 67, UDP, lan))  # noqa: S104, whoever asks has no address yet
    return ours


def taken(system: System, wanted: list[Port]) -> list[str]:
    """Ports that could not be listened on, and how each is freed."""
    return [reason for port in wanted if (reason := _taken(system, port))]


def refused(territory: Territory, run: tuple[str, ...]) -> list[str]:
    """What nft and this kernel say against our rules; they are tried and not loaded."""
    seat = border.seat_of(territory.lan, territory.listen[0])
    texts = [rules.REMOVAL + rules.ruleset(territory)]
    texts += [border.REMOVAL + border.ruleset(seat)] if seat else []
    said = [_tried(run, text) for text in texts]
    return [f"nft and this kernel refuse our rules: {one}" for one in said if one]


def unfit(system: System, programs: Mapping[str, str | None]) -> Iterator[str]:
    """Which of these are missing, or not made for this: where each is by its name, None where it is not."""
    for name, place in programs.items():
        if place is None:
            yield f"{name} is missing: {system.packages[name]}"
        elif name == "dnsmasq" and " nftset " not in _version(place):
            yield f"{place} cannot fill sets of nftables: {system.packages[name]}"


def _missing(system: System, wanted: Config) -> Iterator[str]:
    if not any(Path(place).exists() for place in SUPERVISORS):
        yield "neither systemd nor procd runs this machine: install on Debian or on OpenWrt"
    if not Path(systems.PYTHON).exists():
        yield f"{systems.PYTHON} is missing: install the package python3"
    yield from unfit(system, {name: shutil.which(name, path=systems.PATH) for name in _programs(wanted)})


def _programs(wanted: Config) -> Iterator[str]:
    yield "nft"
    if wanted.network:
        yield "dnsmasq"
    if wanted.uplink.down_kbps or wanted.uplink.up_kbps:
        yield "tc"


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout


def _absent(territory: Territory | None) -> Iterator[str]:
    if territory is None:
        yield "this file's gateway only records: build it again with `plaza gateway build`"
        return
    there = [name for _, name in socket.if_nameindex()]
    for side, name in (("lan", territory.lan), ("wan", territory.wan)):
        if name not in there:
            yield f"{side}: no interface {name} among {' '.join(there)}: make it, or build with --{side} NAME"


def _taken(system: System, port: Port) -> str:
    with socket.socket(socket.AF_INET, port.kind) as probe:
        if port.kind == TCP:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port.interface:
            probe.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, port.interface.encode())
        try:
            probe.bind((port.ip, port.number))
            if port.kind == TCP:
                probe.listen()
        except OSError as error:
            return _why(system, port, error.strerror or "")
    return ""


def _why(system: System, port: Port, reason: str) -> str:
    word, listing = WORDS[port.kind]
    for name in holders.names(port.kind, port.number):
        if name in system.instead:
            return f"{port.ip}:{port.number}/{word} is held by {name}: {system.instead[name]}"
    what = f"stop who listens there ({listing} sport = :{port.number}), or give the interface {port.ip}"
    return f"{port.ip}:{port.number}/{word}: {reason}: {what}"


def _tried(run: tuple[str, ...], text: str) -> str:
    """The first line of what nft says against it."""
    done = subprocess.run([*run, "-c", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit {done.returncode}").splitlines()[0] if done.returncode else ""
