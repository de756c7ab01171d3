"""Runs the worker's job table on APScheduler: control jobs only, never one per access point."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

GUARD_S = 1.0
STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something done every `every_s` seconds: idempotent, sometimes late, never twice at a time."""

    name: str
    every_s: int
    work: Callable[[], None]


def run(jobs: Sequence[Job], stop: Event) -> None:
    """Run the jobs until `stop`. One that fails is logged with its traceback and comes again at its turn.

    A step of the wall clock would silence the scheduler until the clock caught up: the guard compares it with
    the monotonic clock and starts the scheduler anew.
    """
    scheduler = _started(jobs)
    offset = time.time() - time.monotonic()
    while not stop.wait(GUARD_S):
        now = time.time() - time.monotonic()
        if abs(now - offset) > STEP_S:
            log.warning("wall clock stepped", extra={"step_s": round(now - offset, 1)})
            scheduler.shutdown(wait=False)
            scheduler = _started(jobs)
        offset = now
    scheduler.shutdown(wait=True)


def _started(jobs: Sequence[Job]) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in jobs:
        scheduler.add_job(
            job.work,
            "interval",
            seconds=job.every_s,
            id=job.name,
            name=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler
