"""What the engine keeps: per device it knows, and after very many polls."""

import asyncio
import gc
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bench.poll import child
from bench.poll.asking import requests
from bench.poll.meter import memory_mb, told
from bench.poll.work import AGENTS, RETRIES, Version
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import Poller, PollRequest

_PORTION: Final = 1000
_WARM_PASSES: Final = 3
_TIMEOUT_S: Final = 0.5
_QUIET_S: Final = _TIMEOUT_S * (RETRIES + 1) + 0.2
"""After which nothing waits for anything any more."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`growth_mb` over `polls` polls of known devices; `bytes_per_device` beyond the first 1,000."""

    bytes_per_device: float
    growth_mb: float
    polls: int
    rss_mb: float


def run(port: int, passes: int) -> Memory:
    """`passes` over every agent in a fresh process. Raises ClientFailed."""
    (line,) = child.lines([sys.executable, "-m", __name__, str(port), str(passes)])
    return Memory(**line)


async def _poll(poller: Poller, asked: Sequence[PollRequest]) -> None:
    """In portions of one size, so that what is in the air takes the same room each time."""
    for begin in range(0, len(asked), _PORTION):
        async for _ in poller.poll(asked[begin : begin + _PORTION]):
            pass


async def _resident_mb() -> float:
    """When all is quiet."""
    await asyncio.sleep(_QUIET_S)
    gc.collect()
    return memory_mb("VmRSS")


async def _per_device(poller: Poller, asked: Sequence[PollRequest]) -> float:
    """Quiet after every portion: memory that a poll in flight took is free again, and hides no device's."""
    for _ in range(_WARM_PASSES):
        await _poll(poller, asked[:_PORTION])
        few_mb = await _resident_mb()
    for begin in range(_PORTION, len(asked), _PORTION):
        await _poll(poller, asked[begin : begin + _PORTION])
        all_mb = await _resident_mb()
    return (all_mb - few_mb) * 2**20 / (len(asked) - _PORTION)


async def _growth_mb(poller: Poller, asked: Sequence[PollRequest], passes: int) -> float:
    for _ in range(_WARM_PASSES):
        await _poll(poller, asked)
    before_mb = await _resident_mb()
    for _ in range(passes):
        await _poll(poller, asked)
    return await _resident_mb() - before_mb


async def _measure(port: int, passes: int) -> Memory:
    asked = requests(Version.V2C, port, range(AGENTS), _TIMEOUT_S)  # the caller's own, so before any look
    poller = open_poller()
    per_device = await _per_device(poller, asked)
    growth_mb = await _growth_mb(poller, asked, passes)
    await poller.close()
    return Memory(per_device, growth_mb, passes * AGENTS, memory_mb("VmRSS"))


if __name__ == "__main__":
    told(asdict(asyncio.run(_measure(*map(int, sys.argv[1:])))))
