"""When each of the worker's jobs last ended, and how: a small file, so that other processes can tell.

It is no table: a job that fails because the store is locked or full has to show all the same.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

if TYPE_CHECKING:
    from controller.scheduler import Job

log = logging.getLogger(__name__)

FILE: Final = "jobs.json"
WRITE_S: Final = 15.0
"""So seldom is it written, for the sake of cheap flash."""

LATE_TURNS: Final = 3
LATE_S: Final = 60


@dataclass(frozen=True, slots=True)
class JobRun:
    """How a job fares: it is due every `every_s` seconds; `failures` are all since the file was begun.

    `since` is when the worker began that now has it, after which its first turn is a whole `every_s` away.
    `ended_at` is when its last turn ended, well or not, `succeeded_at` when one last ended well (epoch
    seconds, None = none has yet). `error` is the kind of the last turn's failure, empty when it went well.
    """

    every_s: int
    since: int
    ended_at: int | None = None
    succeeded_at: int | None = None
    failures: int = 0
    error: str = ""

    def late(self, now: int) -> bool:
        """Whether a turn ought to have ended since: it stands still, takes too long, or no worker runs."""
        return now - max(self.since, self.ended_at or 0) > LATE_TURNS * self.every_s + LATE_S


_RUNS: Final = TypeAdapter(dict[str, JobRun])


def read(directory: Path) -> Mapping[str, JobRun]:
    """By the name of the job, as the worker of this data directory last told; empty before it did."""
    try:
        return _RUNS.validate_json((directory / FILE).read_bytes())
    except FileNotFoundError:
        return MappingProxyType({})
    except (OSError, ValidationError) as error:  # the worker writes it anew in a moment
        log.warning("what the jobs did cannot be read", extra={"reason": type(error).__name__})
        return MappingProxyType({})


class JobRuns:
    """Notes how jobs end. Of jobs that are no more nothing is kept, so their names are bounded."""

    def __init__(
        self,
        directory: Path,
        jobs: "Sequence[Job]",
        clock: Callable[[], datetime],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Go on from what the last worker wrote, and show at once which jobs there are."""
        before, now = read(directory), int(clock().timestamp())
        begun = {job.name: JobRun(job.every_s, now) for job in jobs}
        self._runs = {
            name: replace(before.get(name, run), every_s=run.every_s, since=now)
            for name, run in begun.items()
        }
        self._file = directory / FILE
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._lock = Lock()
        self._failing = False
        self.write()

    def noting(self, job: "Job") -> "Job":
        """The same job, which notes how each of its turns ended."""

        def work() -> None:
            try:
                job.work()
            except Exception as error:
                self._note(job.name, type(error).__name__)
                raise
            self._note(job.name, "")

        return replace(job, work=work)

    def _note(self, name: str, error: str) -> None:
        with self._lock:
            before, now = self._runs[name], int(self._clock().timestamp())
            self._runs[name] = replace(
                before,
                ended_at=now,
                succeeded_at=before.succeeded_at if error else now,
                failures=before.failures + bool(error),
                error=error,
            )
            due = self._monotonic_s() - self._written_s >= WRITE_S
        if due:
            self.write()

    def write(self) -> None:
        """Write it down, whole or not at all. On a full disk it stays as it was, which shows, too."""
        with self._lock:
            self._written_s = self._monotonic_s()
            text = json.dumps({name: asdict(run) for name, run in self._runs.items()}, indent=1)
            draft = self._file.with_name(f".{FILE}.new")
            try:
                draft.write_text(text)
                draft.replace(self._file)
            except OSError as error:
                if not self._failing:
                    log.error("what the jobs did cannot be written", extra={"reason": str(error.strerror)})
                self._failing = True
                return
            self._failing = False
