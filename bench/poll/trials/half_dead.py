"""Half of the agents are dead: what the living notice of it."""

import asyncio
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from bench.poll import child
from bench.poll.asking import requests
from bench.poll.meter import told
from bench.poll.work import Version
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import Poller, PollRequest

_SMALL_OCTETS: Final = 2304


@dataclass(frozen=True, slots=True)
class Living:
    """Polls of the living in a second until the last of them is answered, and the 99th percentile of a poll.

    `first` is the first pass with the dead, when nobody knows yet who they are; the others know it.
    """

    alone_per_s: float
    alone_p99_ms: float
    first_per_s: float
    mixed_per_s: float
    mixed_p99_ms: float
    answered: float

    @property
    def kept(self) -> float:
        """The share of their rate that the living keep."""
        return self.mixed_per_s / self.alone_per_s


@dataclass(frozen=True, slots=True)
class _Pass:
    per_s: float
    p99_ms: float
    answered: float


def run(port: int, living: int, passes: int) -> Living:
    """As many dead as living, in a fresh process. Raises ClientFailed."""
    (line,) = child.lines([sys.executable, "-m", __name__, str(port), str(living), str(passes)])
    return Living(**line)


async def _pass(poller: Poller, asked: Sequence[PollRequest], port: int) -> _Pass:
    """`port` is where the living are."""
    living = {request.device for request in asked if request.endpoint.port == port}
    elapsed_s: list[float] = []
    answered = 0
    started_s = last_s = time.perf_counter()
    async for reply in poller.poll(asked):
        if reply.device in living:
            elapsed_s.append(reply.elapsed_s)
            answered += reply.failure is None
            last_s = time.perf_counter()
    p99_s = sorted(elapsed_s)[len(elapsed_s) * 99 // 100]
    return _Pass(len(living) / (last_s - started_s), p99_s * 1000, answered / len(living))


async def _measure(port: int, living: int, passes: int) -> Living:
    with closing(_silence()) as silence:
        alive = requests(Version.V2C, port, range(living))
        dead = requests(Version.V2C, silence.getsockname()[1], range(living, 2 * living))
        everybody = [one for pair in zip(dead, alive, strict=True) for one in pair]
        poller = open_poller()
        await _pass(poller, alive, port)
        first = await _pass(poller, everybody, port)
        alone, mixed = [], []
        for _ in range(passes):
            alone.append(await _pass(poller, alive, port))
            mixed.append(await _pass(poller, everybody, port))
        await poller.close()
    return Living(
        alone_per_s=statistics.median(one.per_s for one in alone),
        alone_p99_ms=statistics.median(one.p99_ms for one in alone),
        first_per_s=first.per_s,
        mixed_per_s=statistics.median(one.per_s for one in mixed),
        mixed_p99_ms=statistics.median(one.p99_ms for one in mixed),
        answered=min(one.answered for one in (first, *alone, *mixed)),
    )


def _silence() -> socket.socket:
    """A port of every 127.x.y.z that takes what comes and never says a word, as a dead device's does."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_OCTETS)
    sock.bind(("0.0.0.0", 0))  # noqa: S104  every loopback address is meant
    return sock


if __name__ == "__main__":
    told(asdict(asyncio.run(_measure(*map(int, sys.argv[1:])))))
