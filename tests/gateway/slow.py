"""A narrow line behind the gateway, as a modem makes one; who fills it, and who browses beside that."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from captive_portal.gateway.config import Uplink
from tests.gateway import streets
from tests.gateway.streets import WEB, run
from tests.gateway.town import Town, wait_for

FLOWS = 4
PAGES = 40
HELD_S = 0.5
"""Modems hold this much of what they carry, and more."""
_FRAME = 1600


@contextmanager
def line(square: Town, capacity: Uplink) -> Iterator[None]:
    """What is between the gateway and the Internet carries no more than this; its queues are deep."""
    internet = square.ns("internet")
    streets.ip(internet, "link add modem type ifb")
    streets.ip(internet, "link set modem up")
    everything = "protocol all u32 match u32 0 0 action mirred egress redirect dev modem"
    try:
        for words in (
            f"qdisc add dev up0 root {_narrow(capacity.down_kbps)}",
            f"qdisc add dev modem root {_narrow(capacity.up_kbps)}",
            "qdisc add dev up0 handle ffff: ingress",
            f"filter add dev up0 parent ffff: {everything}",
        ):
            run("tc", "-n", internet, *words.split())
        yield
    finally:
        run("tc", "-n", internet, "qdisc", "delete", "dev", "up0", "ingress", check=False)
        run("tc", "-n", internet, "qdisc", "delete", "dev", "up0", "root", check=False)
        streets.ip(internet, "link delete modem")


def _narrow(kbps: int) -> str:
    return f"tbf rate {kbps}kbit burst {_FRAME} limit {int(kbps * 125 * HELD_S)}"


def serve(square: Town, ip: str = WEB) -> None:
    """A server of the Internet for `bulk` and `browse`, until the square goes."""
    server = square.spawn("internet", sys.executable, "-m", "tests.gateway.pages", "serve", ip)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"


@contextmanager
def bulk(square: Town, name: str, way: str) -> Iterator[None]:
    """This phone `takes` or `gives` all that it can."""
    program = (sys.executable, "-m", "tests.gateway.pages", "bulk", way, WEB, str(FLOWS))
    busy = square.spawn(name, *program)
    assert busy.stdout is not None
    try:
        assert busy.stdout.readline() == b"ready\n"
        # its first seconds fill the modem; lanes can only hold it back from then on
        _moved(square, way, 3_000_000 if way == "takes" else 500_000)
        yield
    finally:
        busy.kill()
        busy.wait(30)
        wait_for(lambda: _waiting(square) == 0, "the modem to be empty")


def _waiting(square: Town) -> int:
    """Packets that the line, and what is before it, still holds."""
    ends = (("internet", "up0"), ("internet", "modem"), ("gateway", "wan"), ("gateway", "br-lan"))
    queues = [square.inside(place, "tc", "-s", "qdisc", "show", "dev", device) for place, device in ends]
    return sum(int(held) for queue in queues for held in re.findall(r"backlog \S+ (\d+)p", queue))


def _moved(square: Town, way: str, octets: int) -> None:
    before = passed(square, way)
    wait_for(lambda: passed(square, way) >= before + octets, f"{octets} octets, that it {way}")


def passed(square: Town, way: str) -> int:
    """Octets that the line has carried by now."""
    counter = "tx_bytes" if way == "takes" else "rx_bytes"
    return int(square.inside("internet", "cat", f"/sys/class/net/up0/statistics/{counter}"))


def browse(square: Town, name: str, pages: int = PAGES, ip: str = WEB) -> float:
    """Within how many seconds 95 of 100 pages came."""
    program = (sys.executable, "-m", "tests.gateway.pages", "browse", ip, str(pages))
    took = sorted(json.loads(square.inside(name, *program)))
    return float(took[len(took) * 95 // 100])


def numbers(square: Town, name: str) -> Callable[[str], int]:
    """What tells the number of an interface in a namespace; OSError where there is none."""

    def index(device: str) -> int:
        said = square.inside(name, "cat", f"/sys/class/net/{device}/ifindex", check=False)
        if not said:
            raise OSError
        return int(said)

    return index
