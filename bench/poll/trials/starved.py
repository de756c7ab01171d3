"""The poller's core is shared with busy loops: a healthy agent must not be called dead for it."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

from bench.poll import child
from bench.poll.asking import requests
from bench.poll.meter import told
from bench.poll.work import AGENTS, Version
from drivers.snmp.backends import open_poller

LOOPS: Final = 4
_TIMEOUT_S: Final = 1.0
_LOOP: Final = "import os\nours = os.getppid()\nwhile os.getppid() == ours: sum(range(1_000_000))"
"""It ends when we do, however we end."""


@dataclass(frozen=True, slots=True)
class Starved:
    """Polls of healthy agents, those of them that failed, and the most frequent reason."""

    polls: int
    called_dead: int
    reason: str


def run(port: int, in_flight: int, passes: int) -> Starved:
    """Every agent, `in_flight` at a time, in a fresh process. Raises ClientFailed."""
    (line,) = child.lines([sys.executable, "-m", __name__, str(port), str(in_flight), str(passes)])
    return Starved(**line)


@contextmanager
def _busy_loops() -> Iterator[None]:
    """They inherit our core."""
    loops = [subprocess.Popen([sys.executable, "-c", _LOOP]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def _measure(port: int, in_flight: int, passes: int) -> Starved:
    asked = requests(Version.V2C, port, range(AGENTS), _TIMEOUT_S)
    polls, failures = 0, Counter[str]()
    poller = open_poller()
    for begin in [*range(0, AGENTS, in_flight)] * passes:
        async for reply in poller.poll(asked[begin : begin + in_flight]):
            polls += 1
            if reply.failure is not None:
                failures[reply.failure.reason] += 1
    await poller.close()
    reason = failures.most_common(1)[0][0] if failures else ""
    return Starved(polls, failures.total(), str(reason))


if __name__ == "__main__":
    with _busy_loops():
        found = asyncio.run(_measure(*map(int, sys.argv[1:])))
    told(asdict(found))
