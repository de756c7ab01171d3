"""Jobs of the worker that wait for a store without filling the log."""

import logging

from sqlalchemy.exc import OperationalError

from controller.errors import StoreBusy
from controller.scheduler import Job
from metrics.errors import StoreUnusable

log = logging.getLogger(__name__)


def calm(job: Job) -> Job:
    """The same job, which says in one line that it waits for a store, and comes again at its turn."""
    failing = False

    def work() -> None:
        nonlocal failing
        try:
            job.work()
        except (StoreUnusable, StoreBusy, OperationalError) as error:
            if not failing:
                log.error("a job waits for the store", extra={"job": job.name, "reason": str(error)})
            failing = True
            return
        if failing:
            log.info("a job goes on", extra={"job": job.name})
        failing = False

    return Job(job.name, job.every_s, work)
