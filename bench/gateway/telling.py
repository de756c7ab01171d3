"""The part `sync`: octets that a gateway and its controller say to each other in a day, over TLS.

A day without anybody, and one of 300 sessions of an hour; each is lived by the gateway's own parts on a
moved clock (bench.gateway.day) and weighed in the kernel, at the gateway's wide side: whole IP packets both
ways, of every connection, with its handshakes. Names are not looked up, and no policy changes.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.gateway import places
from bench.gateway.peers.ours import EDGE, EDGE_AT, PORTAL_AT
from bench.poll.child import ClientFailed
from bench.poll.machine import CLIENT_CORE, pinned
from bench.portal import serving
from bench.portal import square as squares
from bench.portal.goals import Figure
from bench.portal.square import Square
from captive_portal.gateway.backhaul import IDLE_S
from tests.gateway import certificates, streets
from tests.gateway.streets import LAN, PORTAL
from tests.gateway.town import Town

SESSIONS: Final = 300
NAME: Final = "edge.example.mx"
_DAY_S: Final = 86_400
_LONGEST_S: Final = 600
_EDGE_PORT: Final = EDGE_AT.rpartition(":")[2]
_PORTAL_PORT: Final = PORTAL_AT.rpartition(":")[2]
_WEIGHED: Final = ("up", "down", "calls", "knocks")
_SCALES: Final = f"""\
table inet weigh {{
  counter up {{ }}
  counter down {{ }}
  counter calls {{ }}
  counter knocks {{ }}
  chain out {{
    type filter hook output priority 0;
    ip daddr {PORTAL} tcp dport {_PORTAL_PORT} counter name knocks
    ip daddr {PORTAL} tcp dport {_EDGE_PORT} counter name up
    ip daddr {PORTAL} tcp dport {_EDGE_PORT} tcp flags & (syn | ack) == syn counter name calls
  }}
  chain in {{
    type filter hook input priority 0;
    ip saddr {PORTAL} tcp sport {_PORTAL_PORT} counter name knocks
    ip saddr {PORTAL} tcp sport {_EDGE_PORT} counter name down
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a day: octets up and down, and how many calls; octets of one look whether the portal is there."""

    up: int
    down: int
    calls: int
    knock: int

    @property
    def octets(self) -> int:
        """Both ways."""
        return self.up + self.down


def part(rounds: int) -> tuple[Figure, ...]:
    """Each day once, whatever `rounds` says: nothing varies. Raises ClientFailed and Missing."""
    try:
        return tuple(figures(_lived(0), _lived(SESSIONS)))
    except AssertionError as error:  # how the square of the tests tells what it waited for in vain
        raise ClientFailed(f"a day: {error}") from error


def _lived(sessions: int) -> Weight:
    made = squares.build(f"day-{sessions}", ["es"], f"http://{LAN}:2060", f"http://{PORTAL_AT}")
    with places.square(1) as town:
        _controller(town, made)
        gateway = town.ns("gateway")
        for name, device in (("gateway", "wan"), ("internet", "up0")):
            # as many packets as the line carries, not fewer and larger ones
            streets.ip(town.ns(name), f"link set dev {device} gso_max_segs 1")
        known = Path("/etc/netns") / gateway
        known.mkdir(parents=True)
        (known / "hosts").write_text(f"{PORTAL} {NAME}\n")
        town.inside("gateway", "nft", "-f", "-", text=_SCALES)
        return _weighed(town, made, sessions)


def _controller(town: Town, made: Square) -> None:
    """The edge as `plaza run` serves it, over TLS, and the portal beside it."""
    certificates.write(town.directory, NAME)
    tls = [str(town.directory / name) for name in ("gateway.pem", "gateway.key")]
    for factory, listen, more in ((EDGE, EDGE_AT, tls), (serving.PORTAL, PORTAL_AT, [])):
        command = ["-m", "bench.portal.serving", factory, listen, *more]
        places.spawn(town, "internet", command, env=_environ(made))
    for url in (f"https://{EDGE_AT}", f"http://{PORTAL_AT}"):
        places.wait_for_answer(town, url)


def _weighed(town: Town, made: Square, sessions: int) -> Weight:
    command = [sys.executable, "-m", "bench.gateway.day", str(sessions), f"http://{PORTAL_AT}"]
    environ = _environ(made) | {"SSL_CERT_FILE": str(town.directory / "ca.pem")}
    day = town.spawn("gateway", *pinned(CLIENT_CORE, command), env=environ)
    said, _ = day.communicate(timeout=_LONGEST_S)
    if said != b"lived\n":
        words = (town.directory / "gateway.log").read_text().splitlines()[-1:]
        raise ClientFailed(f"a day of {sessions} sessions: {' '.join(words)}")
    up, down, calls, knocks = _settled(town)
    return Weight(up[1], down[1], calls[0], knocks[1])


def _environ(made: Square) -> dict[str, str]:
    return made.environ | {"PLAZA_EDGE_URL": f"https://{NAME}:{_EDGE_PORT}"}


def _settled(town: Town) -> list[tuple[int, int]]:
    """What is weighed once the last connections are closed."""
    before, now = list[tuple[int, int]](), _read(town)
    while now != before:
        time.sleep(0.1)
        before, now = now, _read(town)
    return now


def _read(town: Town) -> list[tuple[int, int]]:
    """Packets and octets of each of _WEIGHED."""
    listed = json.loads(town.inside("gateway", "nft", "-j", "list", "counters", "table", "inet", "weigh"))
    found = {one["counter"]["name"]: one["counter"] for one in listed["nftables"] if "counter" in one}
    return [(found[name]["packets"], found[name]["bytes"]) for name in _WEIGHED]


def figures(idle: Weight, busy: Weight) -> Iterator[Figure]:
    """What the days come to."""
    yield Figure("a day without anybody", idle.octets / 1000, "kB", details=_ways(idle))
    yield Figure("an hour of that", idle.octets / 24_000, "kB")
    yield Figure(f"a day of {SESSIONS} sessions", busy.octets / 1000, "kB", details=_ways(busy))
    yield Figure("for each session", (busy.octets - idle.octets) / SESSIONS, "B", details="more than idle")
    often = f"{idle.knock} B each {IDLE_S:.0f} s; while phones come more often"
    knocks = _DAY_S / IDLE_S * idle.knock / 1000
    yield Figure("a day's looks whether the portal is there, idle", knocks, "kB", details=often)


def _ways(one: Weight) -> str:
    each = one.octets / one.calls
    return f"{one.calls:,} calls of {each:,.0f} B; up {one.up / 1000:,.0f} kB, down {one.down / 1000:,.0f} kB"
