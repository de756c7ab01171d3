"""When each job last ended, and how, outlives the worker and shows what stands still."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.calm import calm
from controller.errors import StoreBusy
from controller.job_runs import FILE, WRITE_S, JobRun, JobRuns, read
from controller.scheduler import Job

BEGIN = 1_795_305_600


@dataclass
class Clock:
    """A time that the test moves: of day, and since the start."""

    at: int = BEGIN

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic_s(self) -> float:
        return float(self.at)


def nothing() -> None:
    """A job that ends well."""


def fails() -> None:
    """A job that does not."""
    raise OSError("a word that may be secret")


def job(name: str = "sweep", work: Callable[[], None] = nothing, every_s: int = 20) -> Job:
    return Job(name, every_s, work)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begun(directory: Path, clock: Clock, *jobs: Job) -> JobRuns:
    return JobRuns(directory, jobs or [job()], clock, clock.monotonic_s)


def test_before_a_worker_nothing_is_known(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


def test_a_worker_shows_its_jobs_before_any_of_them_has_ended(tmp_path: Path, clock: Clock) -> None:
    begun(tmp_path, clock, job(), job("seldom", every_s=3600))
    assert read(tmp_path) == {"sweep": JobRun(20, BEGIN), "seldom": JobRun(3600, BEGIN)}


def test_a_turn_that_ends_well_and_one_that_fails_are_told_apart(tmp_path: Path, clock: Clock) -> None:
    runs = begun(tmp_path, clock)
    clock.at += 20
    runs.noting(job()).work()
    assert read(tmp_path)["sweep"] == JobRun(20, BEGIN, BEGIN + 20, BEGIN + 20)
    clock.at += 20
    with pytest.raises(OSError, match="secret"):
        runs.noting(job(work=fails)).work()
    assert read(tmp_path)["sweep"] == JobRun(20, BEGIN, BEGIN + 40, BEGIN + 20, 1, "OSError")
    assert "secret" not in (tmp_path / FILE).read_text()
    clock.at += 20
    runs.noting(job()).work()
    assert read(tmp_path)["sweep"] == JobRun(20, BEGIN, BEGIN + 60, BEGIN + 60, 1, "")


def test_a_job_that_only_waits_for_a_store_has_failed_all_the_same(tmp_path: Path, clock: Clock) -> None:
    def waits() -> None:
        raise StoreBusy("later")

    runs = begun(tmp_path, clock)
    clock.at += 20
    calm(runs.noting(job(work=waits))).work()
    assert read(tmp_path)["sweep"].error == "StoreBusy"


def test_the_next_worker_goes_on_and_forgets_jobs_that_are_no_more(tmp_path: Path, clock: Clock) -> None:
    runs = begun(tmp_path, clock, job(), job("old"))
    with pytest.raises(OSError, match="secret"):
        runs.noting(job(work=fails)).work()
    runs.noting(job("old")).work()
    runs.write()
    assert read(tmp_path).keys() == {"sweep", "old"}
    clock.at += 86_400
    begun(tmp_path, clock, job(every_s=60), job("new"))
    found = read(tmp_path)
    assert found.keys() == {"sweep", "new"}
    assert found["sweep"] == JobRun(60, BEGIN + 86_400, BEGIN, None, 1, "OSError")


def test_a_job_is_late_after_three_turns_and_a_minute_but_not_right_after_a_start(
    tmp_path: Path, clock: Clock
) -> None:
    runs = begun(tmp_path, clock)
    runs.noting(job()).work()
    runs.write()
    found = read(tmp_path)["sweep"]
    assert [found.late(BEGIN + 120), found.late(BEGIN + 121)] == [False, True]
    clock.at += 86_400
    begun(tmp_path, clock)
    found = read(tmp_path)["sweep"]
    assert [found.late(clock.at + 120), found.late(clock.at + 121)] == [False, True]


def test_it_is_written_seldom_and_at_the_end(tmp_path: Path, clock: Clock) -> None:
    runs = begun(tmp_path, clock)
    clock.at += int(WRITE_S) - 1
    runs.noting(job()).work()
    assert read(tmp_path)["sweep"].ended_at is None
    runs.write()
    assert read(tmp_path)["sweep"].ended_at == clock.at


def test_what_cannot_be_written_stops_no_job_and_is_logged_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    runs = begun(tmp_path, clock)
    (tmp_path / f".{FILE}.new").mkdir()
    for _ in range(3):
        clock.at += 20
        runs.noting(job()).work()
    assert [record.message for record in caplog.records] == ["what the jobs did cannot be written"]
    assert read(tmp_path)["sweep"].ended_at is None  # which shows as a job that stands still
    (tmp_path / f".{FILE}.new").rmdir()
    clock.at += 20
    runs.noting(job()).work()
    assert read(tmp_path)["sweep"].ended_at == clock.at


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sweep": {"every_s": "often"}}', "\x00" * 99])
def test_a_file_that_is_damaged_is_unknown_until_the_worker_writes_it_anew(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path) == {}
    assert "what the jobs did cannot be read" in caplog.text
    begun(tmp_path, clock)
    assert read(tmp_path) == {"sweep": JobRun(20, BEGIN)}


def test_jobs_that_end_at_once_are_all_noted(tmp_path: Path, clock: Clock) -> None:
    table = [job(f"job {number}") for number in range(8)]
    runs = begun(tmp_path, clock, *table)
    clock.at += 20
    threads = [threading.Thread(target=runs.noting(one).work) for one in table for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs.write()
    assert {run.ended_at for run in read(tmp_path).values()} == {clock.at}
    assert len(json.loads((tmp_path / FILE).read_text())) == 8
