"""A narrow line to the Internet, in a namespace of its own between the gateway and all that it reaches.

The modem is a bridge whose two ports send as fast as the line carries each way, and hold HELD_S of that; the
way between it and the gateway takes its time (bench.gateway.line). It is no part of the sender's machine: so
the sender's TCP learns of its queue as it would of any other, by what is late or lost.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench.gateway import crowd
from bench.poll.child import ClientFailed
from bench.poll.machine import FARM_CORE, REPOSITORY, pinned
from tests.gateway import streets
from tests.gateway.town import Town

HELD_S: Final = 0.5
"""Modems hold this much of what they carry, and more."""

_FRAME: Final = 1600


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a line carries; 0 is not known."""

    down_kbps: int = 0
    up_kbps: int = 0


@contextmanager
def narrow(town: Town, line: Capacity) -> Iterator[None]:
    """The way from the gateway to the Internet is this line, for as long. Raises ClientFailed."""
    modem, gateway = town.ns("modem"), town.ns("gateway")
    names = [f"line{os.getpid()}{letter}" for letter in "ab"]
    argv = pinned(FARM_CORE, [sys.executable, "-m", "bench.gateway.line", *names])
    streets.ip(gateway, "link delete wan")
    streets.run("ip", "netns", "add", modem)
    try:
        with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE) as way:
            try:
                if way.stdout is None or way.stdout.readline() != b"ready\n":
                    raise ClientFailed("the line did not come up")
                streets.run("ip", "link", "set", names[0], "netns", gateway, "name", "wan")
                streets.run("ip", "link", "set", names[1], "netns", modem, "name", "near")
                _joined(town, line)
                yield
            finally:
                way.terminate()
    finally:
        streets.run("ip", "netns", "delete", modem)


def _joined(town: Town, line: Capacity) -> None:
    """Gateway, modem and Internet, one after the other."""
    modem, gateway, internet = (town.ns(name) for name in ("modem", "gateway", "internet"))
    streets.ip(internet, f"link add up0 type veth peer name far netns {modem}")
    streets.ip(modem, "link add bridge type bridge")
    for device, kbps in (("near", line.down_kbps), ("far", line.up_kbps)):
        streets.ip(modem, f"link set {device} master bridge up")
        queue = f"qdisc add dev {device} root tbf rate {kbps}kbit burst {_FRAME} limit {_held(kbps)}"
        streets.run("tc", "-n", modem, *queue.split())
    streets.ip(modem, "link set bridge up")
    for where, device, address in ((gateway, "wan", "198.51.100.2/30"), (internet, "up0", "198.51.100.1/30")):
        streets.ip(where, f"addr add {address} dev {device}")
        streets.ip(where, f"link set {device} up")
    streets.ip(gateway, "route add default via 198.51.100.1")
    for network in ("10.99.0.0/24", crowd.NETWORK):
        streets.ip(internet, f"route add {network} via 198.51.100.2")


def _held(kbps: int) -> int:
    return int(kbps * 125 * HELD_S)
