"""Plaza's own engine, as the poller opens it."""

import asyncio
import sys
from typing import Final

from bench.poll import child
from bench.poll.asking import requests
from bench.poll.machine import REPOSITORY
from bench.poll.meter import Pass, tell
from bench.poll.peer import Peer, Size
from bench.poll.work import Figures, Job, Version
from drivers.snmp.backends import open_poller


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    return child.figures([sys.executable, "-m", __name__, job.text()])


def prepare() -> str:
    """It is here."""
    return f"drivers/snmp of {REPOSITORY.name}"


async def _passes(job: Job) -> None:
    poller, asked = open_poller(), requests(job.version, job.port, range(job.polls))
    for _ in range(job.passes):
        one = Pass()
        for begin in range(0, job.polls, job.in_flight):
            async for reply in poller.poll(asked[begin : begin + job.in_flight]):
                if reply.failure is None:
                    counters = sum(map(len, reply.columns.values()))
                    one.done(reply.elapsed_s, len(reply.scalars), counters)
                else:
                    one.failed(reply.elapsed_s, reply.failure.detail)
        tell(one.figures(job), one.errors)
    await poller.close()


PEER: Final = Peer(
    "ours", prepare, run, {Version.V2C: Size(10_000, 10_000), Version.V3: Size(10_000, 10_000)}
)

if __name__ == "__main__":
    asyncio.run(_passes(Job.read(sys.argv[1])))
