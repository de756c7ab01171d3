"""Measures a client from inside its process. Standard library only: peers run in other environments."""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.poll.work import COUNTERS, SCALARS, Figures, Job

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

Poll = Callable[[int], Awaitable[tuple[int, int]]]
"""Poll agent number n: how many scalars and how many counters it brought."""


def cpu_s() -> float:
    """User and system time of this process and of the children it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def process_cpu_s(process: int) -> float:
    """The same of another process, from proc(5); the name before the figures may hold spaces."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def memory_mb(field: str, process: int | str = "self") -> float:
    """VmRSS or VmHWM of a process, in MB. `ru_maxrss` would count what was there before exec."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{process}/status has no {field}")


class Pass:
    """One pass from its first poll on; `cpu` reads the CPU seconds of whatever is measured."""

    def __init__(self, cpu: Callable[[], float] = cpu_s) -> None:
        self.latencies_s: list[float] = []
        self.complete = 0
        self.errors: dict[str, int] = {}
        self._cpu = cpu
        self._cpu_s = cpu()
        self._started_s = time.perf_counter()

    def done(self, latency_s: float, scalars: int, counters: int) -> None:
        """A poll ended, with this many values."""
        self.latencies_s.append(latency_s)
        self.complete += scalars == len(SCALARS) and counters == COUNTERS

    def failed(self, latency_s: float, error: str) -> None:
        """A poll ended with an error."""
        self.latencies_s.append(latency_s)
        self.errors[error] = self.errors.get(error, 0) + 1

    def figures(self, job: Job, process: int | str = "self") -> Figures:
        """What it came to."""
        wall_s = time.perf_counter() - self._started_s
        ordered = sorted(self.latencies_s)
        return Figures(
            polls=len(ordered),
            complete=self.complete,
            cpu_s=self._cpu() - self._cpu_s,
            wall_s=wall_s,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
            rss_mb=memory_mb("VmHWM", process),
            in_flight=job.in_flight,
        )


async def spread(poll: Poll, job: Job, cpu: Callable[[], float] = cpu_s) -> Pass:
    """One pass with `job.in_flight` polls at a time; a poll that raises counts as not complete."""
    one, numbers = Pass(cpu), iter(range(job.polls))

    async def work() -> None:
        for number in numbers:
            started_s = time.perf_counter()
            try:
                scalars, counters = await poll(number)
            except Exception as error:  # noqa: BLE001  a peer's errors are its own, and all of them count
                one.failed(time.perf_counter() - started_s, f"{type(error).__name__}: {error}"[:100])
            else:
                one.done(time.perf_counter() - started_s, scalars, counters)

    await asyncio.gather(*(work() for _ in range(job.in_flight)))
    return one


async def passes(poll: Poll, job: Job) -> None:
    """Every pass of a job, each told on a line."""
    for _ in range(job.passes):
        one = await spread(poll, job)
        tell(one.figures(job), one.errors)


def told(found: Mapping[str, Any]) -> None:
    """What was found, on a line of standard output."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def tell(figures: Figures, errors: dict[str, int]) -> None:
    """One pass on a line of standard output; what went wrong on standard error."""
    told(asdict(figures))
    for error, times in sorted(errors.items(), key=lambda item: -item[1])[:3]:
        sys.stderr.write(f"{times} times {error}\n")


def open_many_files() -> None:
    """As many sockets as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
