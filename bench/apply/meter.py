"""Measures a client from inside its process. Standard library only: peers run in other environments."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from bench.apply.work import TRIES, Figures, Job, Place, median
from bench.poll.meter import cpu_s, told

Act = Callable[[Place], bool]
"""Does the work at one device; whether all of it was found there in the end."""


@dataclass(slots=True)
class Count:
    """What became of the devices so far. Threads only append."""

    seconds: list[float] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def work(self, act: Act, place: Place) -> None:
        """One device, tried again when it fails; every client has the same number of tries."""
        started_s = time.perf_counter()
        for _ in range(TRIES):
            try:
                self.complete.append(act(place))
            except Exception as error:  # noqa: BLE001  a peer's errors are its own, and all of them count
                self.errors.append(f"{type(error).__name__}: {error}"[:200])
            else:
                break
        self.seconds.append(time.perf_counter() - started_s)


def run(act: Act, job: Job) -> None:
    """Do a job with a thread for each device in flight, and tell its figures on a line."""
    count = Count()
    started_s, used_s = time.perf_counter(), cpu_s()
    with ThreadPoolExecutor(job.in_flight) as pool:
        list(pool.map(lambda place: count.work(act, place), job.places))
    tell(
        Figures(
            devices=len(job.places),
            complete=sum(count.complete),
            again=len(count.errors),
            cpu_s=cpu_s() - used_s,
            wall_s=time.perf_counter() - started_s,
            p50_s=median(count.seconds),
        ),
        count.errors,
    )


def tell(figures: Figures, errors: list[str]) -> None:
    """One run on a line of standard output; what went wrong on standard error."""
    told(asdict(figures))
    for error, times in Counter(errors).most_common(3):
        sys.stderr.write(f"{times} times {error}\n")
