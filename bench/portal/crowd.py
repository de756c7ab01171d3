"""The part `crowd`: 5,000 phones come back together after a power cut, on `plaza run portal`.

Whole on one machine: telephones, portal, its edge and one gateway share its cores, and the network is the
loopback. The store is SQLite with a commit on the disk for each tap. Every 25th of them, a full square's
worth, passes our gateway program, whose enforcer here records and filters nothing (see `doors` for
real packet rules); of the others we play the gateway: we sign where they come from, and believe no ticket
that it would not.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.poll.child import ClientFailed
from bench.poll.meter import open_many_files
from bench.portal import square as squares
from bench.portal.goals import CROWD_S, NO_FAILURES, Figure
from bench.portal.serving import HOST, free_port, running
from bench.portal.square import PLAIN
from bench.portal.walk import Square, Walked, crowd
from controller import gateways
from controller import settings as settings_file
from controller.app import build

PHONES: Final = 5_000
ARRIVE_S: Final = 55.0
"""From first to last, so that the last has five seconds until the minute is over."""
EVERY: Final = 25
KILLED_PHONES: Final = 900
KILLED_S: Final = 15.0
SEEN_DEAD_S: Final = 0.05
"""A request that begins so long after a kill is a new one."""


@dataclass(frozen=True, slots=True)
class Town:
    """What runs: the site and its origins, and the process of the portal's role."""

    square: Square
    portal_pid: int

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        return [int(one) for one in _children(self.portal_pid).split()]


def part(rounds: int) -> tuple[Figure, ...]:
    """The crowd comes once, whatever `rounds` says: a failure is a failure. Raises ClientFailed."""
    open_many_files()
    with _standing() as town:
        came, seconds = _timed(crowd(town.square, PHONES, ARRIVE_S))
    with _standing() as town:
        renewed, deaths = asyncio.run(_killed(town))
    return (*_came(came, seconds), *_renewed(renewed, deaths))


@contextmanager
def _standing() -> Iterator[Town]:
    """A new store, the roles `portal` and `edge`, and the gateway of the plain site."""
    gateway, portal, edge = (f"http://{HOST}:{free_port()}" for _ in range(3))
    made = squares.build("crowd", ["es", "en"], gateway, portal)
    environ = made.environ | {
        "PLAZA_PORTAL_LISTEN": portal.removeprefix("http://"),
        "PLAZA_EDGE_LISTEN": edge.removeprefix("http://"),
        "PLAZA_EDGE_URL": edge,
    }
    square = Square(made.sites[PLAIN], portal, gateway, EVERY)
    at_gateway = [sys.executable, "-m", "captive_portal.gateway", str(_gateway(environ, made.directory))]
    with (
        running(_role("portal"), _port(portal), made.directory / "portal.log", environ) as process,
        running(_role("edge"), _port(edge), made.directory / "edge.log", environ),
        running(at_gateway, _port(gateway), made.directory / "gateway.log", environ),
    ):
        yield Town(square, process.pid)


def _gateway(environ: dict[str, str], directory: Path) -> Path:
    app = build(settings_file.load(environ, directory))
    try:
        return gateways.write(app, app.inventory.sites[PLAIN], None, directory / "gateway")
    finally:
        app.samples.close()
        app.engine.dispose()


def _role(name: str) -> list[str]:
    return [sys.executable, "-m", "controller.cli.main", "run", name]


def _port(origin: str) -> int:
    return int(origin.rpartition(":")[2])


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def _timed(coming: Awaitable[Sequence[Walked]]) -> tuple[Sequence[Walked], float]:
    """All of them, and after how long the last was through."""

    async def come() -> Sequence[Walked]:
        return await coming

    start_s = time.monotonic()
    return asyncio.run(come()), time.monotonic() - start_s


async def _killed(town: Town) -> tuple[Sequence[Walked], list[float]]:
    """A smaller crowd, during which a worker is killed twice and all are renewed once; when they died."""
    coming = asyncio.create_task(crowd(town.square, KILLED_PHONES, KILLED_S))
    deaths = []
    for _ in range(2):
        await asyncio.sleep(KILLED_S / 5)
        os.kill(town.workers[0], signal.SIGKILL)
        deaths.append(time.monotonic())
    await asyncio.sleep(KILLED_S / 5)
    before = set(town.workers)
    os.kill(town.portal_pid, signal.SIGHUP)
    walked = await coming
    if before & set(town.workers):
        raise ClientFailed("the workers were not renewed while the crowd came")
    return walked, deaths


def _came(walked: Sequence[Walked], seconds: float) -> Iterator[Figure]:
    failed = Counter(one.why for one in walked if one.why)
    took = sorted(one.ended_s - one.came_s for one in walked if not one.why)
    through = f"of {len(walked):,}, {len(walked) // EVERY:,} of them through our gateway program"
    yield Figure("phones that failed", failed.total(), "", NO_FAILURES, _words(failed) or through)
    of = f"{len(walked):,} come within {ARRIVE_S:.0f} s"
    yield Figure("until the last was online", seconds, "s", CROWD_S, of)
    for name, share in (("half", 0.5), ("99 of 100", 0.99), ("all", 1.0)):
        if took:
            at = min(len(took) - 1, int(share * len(took)))
            yield Figure(f"arrival to online, {name}", took[at] * 1000, "ms", details="nobody reads the page")


def _renewed(walked: Sequence[Walked], deaths: Sequence[float]) -> Iterator[Figure]:
    """What began before a death and had no answer yet died with its worker: it is told, not judged."""
    wrong = [one for one in walked if one.why]
    lost = [one for one in wrong if any(one.wrong_s - SEEN_DEAD_S < at < one.ended_s for at in deaths)]
    new = Counter(one.why for one in wrong if one not in lost)
    of = f"of {len(walked):,} phones in {KILLED_S:.0f} s: 2 kill -9, 1 reload; {_words(new)}".rstrip("; ")
    yield Figure("new requests that failed", new.total(), "", NO_FAILURES, of)
    yield Figure("requests in the hands of a killed worker", len(lost), "", details="nobody can answer these")


def _words(why: Counter[str]) -> str:
    return ", ".join(f"{times:,} {what}" for what, times in why.most_common(3))
