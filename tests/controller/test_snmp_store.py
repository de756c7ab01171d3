"""What the poller remembers of each device: what its agent taught it, and why its polls failed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from controller.health import State, Verdict
from controller.store import health, snmp
from controller.store.engine import HEAD, open_engine, open_store, version
from controller.store.migrate import upgrade
from controller.store.snmp import Outcome
from drivers.snmp.seam import Failure, Learned, Reason

SILENT = Failure(Reason.TIMEOUT, "no answer in 2 tries; is it on?")
REFUSED = Failure(Reason.AUTH, "unknown user")
TAUGHT = Learned(5, 7, 3, False, 900, ((1, 3, 6, 1, 2, 1, 1, 5, 0), (1, 3, 9)), bytes.fromhex("80001f88"), 4)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(f"sqlite:///{tmp_path}/plaza.db")


def keep(engine: Engine, *outcomes: Outcome) -> None:
    with engine.begin() as connection:
        snmp.keep_errors(connection, outcomes)


def teach(engine: Engine, device: str, learned: Learned) -> None:
    with engine.begin() as connection:
        snmp.keep_learned(connection, {device: learned}, 100)


def told(engine: Engine, device: str = "ap") -> Sequence[tuple[str, int, int, int, int | None]]:
    """Newest first: reason, at, last_at, times, ended_at."""
    return [(e.reason, e.at, e.last_at, e.times, e.ended_at) for e in snmp.last_errors(engine, device)]


def test_what_an_agent_taught_us_comes_back_as_it_was(engine: Engine) -> None:
    teach(engine, "ap", TAUGHT)
    teach(engine, "other", Learned())
    assert snmp.learned(engine) == {"ap": TAUGHT, "other": Learned()}


def test_a_newer_lesson_replaces_the_older(engine: Engine) -> None:
    teach(engine, "ap", Learned())
    teach(engine, "ap", TAUGHT)
    assert snmp.learned(engine) == {"ap": TAUGHT}


def test_a_device_that_stays_dead_moves_a_counter_and_adds_no_row(engine: Engine) -> None:
    for at in range(0, 3000, 30):
        keep(engine, ("ap", SILENT, at))
    assert told(engine) == [("no-answer", 0, 2970, 100, None)]


def test_a_device_that_answers_and_dies_again_gets_another_row(engine: Engine) -> None:
    for at, outcome in enumerate((SILENT, SILENT, None, None, SILENT)):
        keep(engine, ("ap", outcome, at))
    assert told(engine) == [("no-answer", 4, 4, 1, None), ("no-answer", 0, 1, 2, 2)]


def test_another_reason_ends_the_one_before(engine: Engine) -> None:
    keep(engine, ("ap", SILENT, 10))
    keep(engine, ("ap", REFUSED, 40))
    assert told(engine) == [
        ("authentication-failed", 40, 40, 1, None),
        ("no-answer", 10, 10, 1, 40),
    ]


def test_another_detail_of_the_same_reason_is_another_row(engine: Engine) -> None:
    keep(engine, ("ap", SILENT, 10), ("ap", Failure(Reason.TIMEOUT, "broke off"), 40))
    assert [error.detail for error in snmp.last_errors(engine, "ap")] == ["broke off", SILENT.detail]


def test_one_batch_may_hold_a_device_twice(engine: Engine) -> None:
    keep(engine, ("ap", SILENT, 10), ("ap", SILENT, 20), ("ap", None, 30), ("ap", SILENT, 40))
    assert told(engine) == [("no-answer", 40, 40, 1, None), ("no-answer", 10, 20, 2, 30)]


def test_only_the_newest_ten_are_kept_of_each_device(engine: Engine) -> None:
    keep(engine, ("other", SILENT, 5))
    for number in range(25):
        keep(engine, ("ap", Failure(Reason.ERROR, f"error {number}"), number))
    assert [error.at for error in snmp.last_errors(engine, "ap")] == list(range(24, 14, -1))
    with engine.connect() as connection:
        counted = connection.execute(text("SELECT device, count(*) FROM poll_error GROUP BY 1 ORDER BY 1"))
        assert [tuple(row) for row in counted] == [("ap", 10), ("other", 1)]


def test_thousands_of_devices_fit_one_batch(engine: Engine) -> None:
    names = [f"ap-{number:05}" for number in range(5000)]
    for at in (10, 20):
        keep(engine, *((name, SILENT, at) for name in names))
    with engine.begin() as connection:
        health.keep(connection, [(name, Verdict(State.DOWN, False, None, "x"), 10) for name in names])
        snmp.keep_learned(connection, dict.fromkeys(names, TAUGHT), 10)
    assert told(engine, names[-1]) == [("no-answer", 10, 20, 2, None)]
    assert len(snmp.learned(engine)) == 5000


def test_a_batch_of_devices_that_answer_writes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        before = connection.exec_driver_sql("SELECT total_changes()").scalar()
        snmp.keep_errors(connection, [(f"ap-{number}", None, 10) for number in range(100)])
        assert connection.exec_driver_sql("SELECT total_changes()").scalar() == before


def test_the_time_of_the_last_answer_stays_while_a_device_is_down(engine: Engine) -> None:
    up, down = Verdict(State.UP, True, None, ""), Verdict(State.DOWN, False, None, "silent")
    health.keep(engine, [("ap", up, 10)])
    health.keep(engine, [("ap", up, 40)])
    health.keep(engine, [("ap", down, 70)])
    found = health.standing(engine, "ap")
    assert found is not None
    assert (found.since, found.checked_at, found.answered_at) == (70, 70, 40)
    assert health.standing(engine, "nobody") is None


def test_a_device_that_never_answered_has_no_time_of_an_answer(engine: Engine) -> None:
    health.keep(engine, [("ap", Verdict(State.DOWN, False, None, "silent"), 70)])
    found = health.standing(engine, "ap")
    assert found is not None
    assert found.answered_at is None


def test_a_store_of_the_first_version_keeps_its_rows_when_it_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/plaza.db"
    store = open_engine(url)
    upgrade(store, url, to="0001")
    with store.begin() as connection:
        connection.execute(text("INSERT INTO health VALUES ('ap', 'up', 1, NULL, '', 10, 10)"))
    store.dispose()
    assert version(open_engine(url)) == "0001"
    migrated = open_store(url)
    assert version(migrated) == HEAD
    found = health.standing(migrated, "ap")
    assert found is not None
    assert (found.verdict.state, found.answered_at) == (State.UP, None)
