"""What a process does while the stores it needs take nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from controller.calm import calm
from controller.disk import Forgiving
from controller.errors import ControllerError
from controller.scheduler import Job
from metrics.errors import StoreFull


def full() -> None:
    raise StoreFull(Path("samples"), "database or disk is full", "see df")


def fine() -> None:
    """All is well."""


def test_a_job_that_waits_for_a_full_disk_says_so_once_and_that_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    turns: list[Callable[[], None]] = [full, full, full, fine, fine, full]

    def turn() -> None:
        turns.pop(0)()

    job = calm(Job("roll up", 300, turn))
    while turns:
        job.work()
    assert (job.name, job.every_s) == ("roll up", 300)
    assert caplog.messages == ["a job waits for the store", "a job goes on", "a job waits for the store"]
    assert "database or disk is full" in caplog.records[0].__dict__["reason"]


def test_a_mistake_in_a_job_is_not_hidden() -> None:
    def mistaken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        calm(Job("roll up", 300, mistaken)).work()


def test_what_the_relational_store_refuses_is_told_once_and_mistakes_are_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    forgiving = Forgiving()
    for error in (OperationalError("INSERT", (), Exception("database or disk is full")), None):
        for _ in range(2):
            with forgiving("verdicts"):
                if error is not None:
                    raise error
    assert caplog.messages == ["the store takes nothing, polling goes on", "the store takes it again"]
    assert caplog.records[0].__dict__["reason"] == "database or disk is full"
    for mistake in (IntegrityError("INSERT", (), Exception("x")), ControllerError("lost the lease")):
        with pytest.raises(type(mistake)), forgiving("verdicts"):
            raise mistake
