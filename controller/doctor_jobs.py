"""What `plaza doctor` says of the worker's jobs."""

from datetime import UTC, datetime
from typing import Final

from controller.finding import Finding
from controller.job_runs import JobRun, read
from controller.processes import is_held
from controller.settings import Settings

LATELY_S: Final = 120  # some job is due every few seconds


def jobs_looked_at(settings: Settings, now: datetime) -> Finding:
    """Whether the worker's jobs come when they are due, and end well."""
    runs = read(settings.data_dir)
    ended = [run.ended_at for run in runs.values() if run.ended_at is not None]
    if not ended:
        return Finding("jobs of the worker", "none has ended yet")
    if not works(settings, now):
        return Finding("jobs of the worker", f"Plaza does not run; the last one ended at {_at(max(ended))}")
    wrong = [_wrong(name, run) for name, run in runs.items() if run.late(int(now.timestamp())) or run.error]
    if wrong:
        mend = "read what the worker logs of them; of one that stands still restart Plaza"
        return Finding("jobs of the worker", "; ".join(wrong), mend)
    return Finding("jobs of the worker", f"{len(ended)} of {len(runs)} have run, and ended well")


def _wrong(name: str, run: JobRun) -> str:
    if run.ended_at is None:
        return f"{name!r} has not ended since {_at(run.since)}, and is due every {run.every_s} s"
    how = f"failed ({run.error})" if run.error else "ended"
    return f"{name!r} last {how} at {_at(run.ended_at)}, and is due every {run.every_s} s"


def works(settings: Settings, now: datetime) -> bool:
    """Whether a worker runs, with all roles or alone."""
    newest = max((run.ended_at or 0 for run in read(settings.data_dir).values()), default=0)
    return now.timestamp() - newest < LATELY_S or is_held(settings.data_dir / "plaza.lock")


def _at(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
