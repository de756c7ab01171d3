"""The ceiling: a C loop that sends requests encoded beforehand in batches and only counts what comes back."""

from typing import Final

from bench.poll import child
from bench.poll.machine import PLACE, debian_version
from bench.poll.peer import Peer, Size, build
from bench.poll.work import Figures, Job, Version

_PROGRAM: Final = PLACE / "ceiling"


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    numbers = (job.port, job.polls, job.in_flight, job.passes)
    return child.figures([str(_PROGRAM), *map(str, numbers)])


def prepare() -> str:
    """Build it."""
    build(["gcc", "-O2", "-Wall", "-o", str(_PROGRAM), "bench/poll/peers/ceiling.c"])
    return f"gcc {debian_version('gcc')}"


PEER: Final = Peer("C loop", prepare, run, {Version.V2C: Size(10_000, 256)})
