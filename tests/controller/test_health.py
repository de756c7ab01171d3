"""What is kept of each verdict: how often in a row a device was down, or not."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from controller.health import State, Verdict, answered
from controller.store import health
from controller.store.engine import open_store

UP, DEGRADED = Verdict(State.UP, True, None, ""), Verdict(State.DEGRADED, True, False, "no network name")
DOWN, UNKNOWN = Verdict(State.DOWN, False, None, "silent"), Verdict(State.UNKNOWN, None, None, "not asked")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(f"sqlite:///{tmp_path}/plaza.db")


def runs(engine: Engine, *verdicts: Verdict) -> list[tuple[int, int]]:
    found = []
    for number, verdict in enumerate(verdicts, 1):
        health.keep(engine, [("ap", verdict, number * 10)])
        kept = health.standing(engine, "ap")
        assert kept is not None
        found.append((kept.run, kept.run_since))
    return found


def test_a_run_grows_while_the_device_stays_down_or_stays_there(engine: Engine) -> None:
    assert runs(engine, DOWN, DOWN, UP, UP, DOWN) == [(1, 10), (2, 10), (1, 30), (2, 30), (1, 50)]


def test_up_and_degraded_are_one_run_because_both_answer(engine: Engine) -> None:
    assert runs(engine, UP, DEGRADED, UP) == [(1, 10), (2, 10), (3, 10)]


def test_nobody_asked_ends_a_run(engine: Engine) -> None:
    assert runs(engine, DOWN, DOWN, UNKNOWN, DOWN) == [(1, 10), (2, 10), (1, 30), (1, 40)]


def test_a_verdict_that_is_told_twice_is_one_look(engine: Engine) -> None:
    for _ in range(3):
        health.keep(engine, [("ap", DOWN, 10)])
    kept = health.standing(engine, "ap")

    assert kept is not None
    assert kept.run == 1


def test_agent_and_service_stay_two_facts(engine: Engine) -> None:
    health.keep(engine, [("ap", DEGRADED, 10)])
    kept = health.standing(engine, "ap")

    assert kept is not None
    assert (kept.verdict.agent_answers, kept.verdict.service_works) == (True, False)


def test_only_a_device_that_somebody_asked_answered_or_not() -> None:
    assert [answered(state) for state in State] == [True, True, False, None]
