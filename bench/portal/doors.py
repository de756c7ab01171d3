"""The part `doors`: from the tap to the first answered packet beyond the gate, through real packet rules.

Four network namespaces of one machine: a telephone, our gateway with nftables, the Internet with our portal
over TLS and a web server. On the second line the way from gateway to Internet has 64 kbit/s and 600 ms there
and back (bench.portal.satellite). Radio and names (DNS) are left out. Every request has a connection and a
TLS handshake of its own, as for a telephone that slept over its page.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.poll.child import ClientFailed
from bench.poll.machine import REPOSITORY
from bench.poll.peer import Missing
from bench.portal import serving
from bench.portal import square as squares
from bench.portal.goals import TAP_LAN_MS, TAP_SATELLITE_S, Figure
from bench.portal.square import PLAIN, Square
from controller import gateways
from controller import settings as settings_file
from controller.app import build
from tests.gateway import certificates, streets
from tests.gateway.streets import LAN, PORTAL, WEB

ORIGIN: Final = f"https://{PORTAL}:8443"
AT_GATEWAY: Final = f"http://{LAN}:2060"
PHONE: Final = "phone1"
_NEEDED: Final = {"ip": "iproute2", "nft": "nftables"}


@dataclass(frozen=True, slots=True)
class Place:
    """The namespaces (their names begin with `tag`) and what runs in them."""

    tag: str
    square: Square

    def argv(self, name: str, *command: str) -> list[str]:
        """A command inside one namespace."""
        return ["ip", "netns", "exec", streets.namespace(self.tag, name), *command]

    def tap(self) -> dict[str, float]:
        """One telephone's way in and out again; see bench.portal.tap. Raises ClientFailed."""
        command = self.argv(PHONE, sys.executable, "-m", "bench.portal.tap", AT_GATEWAY, WEB)
        try:
            done = subprocess.run(
                command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired:
            raise ClientFailed("the tap did not end within 120 s") from None
        if done.returncode:
            raise ClientFailed(f"the tap: {' '.join(done.stderr.splitlines()[-1:])}")
        found: dict[str, float] = json.loads(done.stdout)
        return found


def part(rounds: int) -> tuple[Figure, ...]:
    """So many taps near and far. Raises Missing without root or a program, ClientFailed."""
    _require()
    with _standing() as place:
        near = [place.tap() for _ in range(rounds + 1)][1:]
        with _far_away(place):
            far = [place.tap() for _ in range(rounds + 1)][1:]
    return (
        *_figures("LAN", near, TAP_LAN_MS, 1000),
        *_figures("64 kbit/s + 600 ms", far, TAP_SATELLITE_S, 1),
    )


def _require() -> None:
    if os.geteuid() != 0:
        raise Missing("network namespaces need root")
    for program, package in _NEEDED.items():
        if shutil.which(program) is None:
            raise Missing(f"{program}: apt-get install {package}")


@contextmanager
def _standing() -> Iterator[Place]:
    place = Place(f"plz{os.getpid()}", squares.build("doors", ["es", "en"], AT_GATEWAY, ORIGIN))
    running: list[subprocess.Popen[bytes]] = []
    try:
        streets.build(place.tag)
        phone = streets.namespace(place.tag, PHONE)
        streets.ip(phone, "addr add 10.99.0.51/24 dev eth0")
        streets.ip(phone, f"route add default via {LAN}")
        for name, command in _programs(place.square):
            running.append(_start(place, name, command))
        yield place
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(30)
        streets.remove(place.tag)


@contextmanager
def _far_away(place: Place) -> Iterator[None]:
    """From now on the Internet is behind a satellite; the first packets ask for hardware addresses, too."""
    gateway, internet = (streets.namespace(place.tag, name) for name in ("gateway", "internet"))
    ends = ((gateway, "wan", "198.51.100.2/30"), (internet, "up0", "198.51.100.1/30"))
    streets.ip(gateway, "link delete wan")
    names = [f"sat{os.getpid()}{letter}" for letter in "ab"]
    argv = [sys.executable, "-m", "bench.portal.satellite", *names]
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE) as satellite:
        try:
            assert satellite.stdout is not None  # noqa: S101  it is a pipe
            if satellite.stdout.readline() != b"ready\n":
                raise ClientFailed("the satellite did not come up")
            for name, (where, device, address) in zip(names, ends, strict=True):
                streets.run("ip", "link", "set", name, "netns", where, "name", device)
                streets.ip(where, f"addr add {address} dev {device}")
                streets.ip(where, f"link set {device} up")
            streets.ip(gateway, "route add default via 198.51.100.1")
            streets.ip(internet, "route add 10.99.0.0/24 via 198.51.100.2")
            yield
        finally:
            satellite.terminate()


def _programs(square: Square) -> list[tuple[str, list[str]]]:
    """Where each runs, and as what."""
    directory = square.directory
    (directory / "web").mkdir()
    certificates.write(directory, "portal.example.mx")
    tls = [str(directory / name) for name in ("gateway.pem", "gateway.key")]
    portal = ["-m", "bench.portal.serving", serving.PORTAL, ORIGIN.removeprefix("https://"), *tls]
    return [
        ("internet", ["-m", "http.server", "80", "--bind", WEB, "--directory", str(directory / "web")]),
        ("internet", portal),
        ("gateway", ["-m", "captive_portal.gateway", str(_gateway(square))]),
    ]


def _gateway(square: Square) -> Path:
    environ = square.environ | {"PLAZA_EDGE_URL": f"http://{PORTAL}:8090"}
    doors = gateways.Doors("br-lan", "wan", ORIGIN.removeprefix("https://"))
    app = build(settings_file.load(environ, square.directory))
    try:
        return gateways.write(app, app.inventory.sites[PLAIN], doors, square.directory / "gateway")
    finally:
        app.samples.close()
        app.engine.dispose()


def _start(place: Place, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    with (place.square.directory / f"{name}.log").open("ab") as said:
        return subprocess.Popen(
            place.argv(name, sys.executable, *command),
            cwd=REPOSITORY,
            env={**os.environ, **place.square.environ},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def _figures(line: str, taps: Sequence[dict[str, float]], goal: Any, unit: float) -> Iterator[Figure]:
    """The worst tap is judged."""
    name = "ms" if unit > 1 else "s"
    for key, what, limit in (
        ("online_s", "tap to online", goal),
        ("page_s", "tap to the page after", None),
    ):
        times = sorted(tap[key] * unit for tap in taps)
        of = f"the worst of {len(times)}; median {median(times):.3g} {name}"
        yield Figure(f"{what}, {line}", times[-1], name, limit, of)
