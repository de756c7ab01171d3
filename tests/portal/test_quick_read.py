"""The quick read: fresh rows on each engine, over lines that are closed, left behind or replaced in time."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import ProgrammingError

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from captive_portal.privacy import KEY_OF_DAY
from captive_portal.quick_read import QuickRead
from captive_portal.tables import pseudonym_keys
from controller.store.engine import open_engine, open_store

TODAY = "2026-07-01"


@pytest.fixture
def file_store(tmp_path: Path) -> Engine:
    """A file of SQLite: only there are lines kept."""
    return open_store(f"sqlite:///{tmp_path}/store.db")


def write(store: Engine, key: str, day: str = TODAY) -> None:
    with store.begin() as connection:
        connection.execute(pseudonym_keys.delete().where(pseudonym_keys.c.day == day))
        connection.execute(pseudonym_keys.insert().values(day=day, key=key))


def keys(read: QuickRead) -> list[str]:
    return [row.key for row in read.rows(of_day=TODAY)]


def test_each_read_sees_what_was_committed_before_it(store: Engine) -> None:
    read = QuickRead(store, KEY_OF_DAY)
    assert keys(read) == []
    for key in ("one", "two"):
        write(store, key)
        assert keys(read) == [key]


def test_reads_leave_the_pool_of_the_engine_to_others(store: Engine) -> None:
    read = QuickRead(store, KEY_OF_DAY)
    write(store, "one")
    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(lambda _: keys(read), range(200))) == [["one"]] * 200
    assert store.pool.checkedout() == 0  # type: ignore[attr-defined]  # of a QueuePool
    write(store, "two")
    assert keys(read) == ["two"]


def test_one_after_the_other_they_share_one_line(file_store: Engine) -> None:
    read = QuickRead(file_store, KEY_OF_DAY)
    for _ in range(3):
        keys(read)
    assert [len(lines) for lines in read._idle.values()] == [1]


def test_a_line_that_failed_is_not_asked_again(file_store: Engine) -> None:
    read = QuickRead(file_store, KEY_OF_DAY)
    keys(read)
    (line,) = read._idle[os.getpid()]
    line.close()
    with pytest.raises(SQLAlchemyError):
        keys(read)
    write(file_store, "one")
    assert keys(read) == ["one"]


def test_lines_are_closed_with_their_engine_which_may_be_asked_again(file_store: Engine) -> None:
    read = QuickRead(file_store, KEY_OF_DAY)
    keys(read)
    (line,) = read._idle[os.getpid()]
    file_store.dispose()
    with pytest.raises(ProgrammingError, match="closed"):
        line.execute("SELECT 1")
    write(file_store, "one")
    assert keys(read) == ["one"]


def test_a_forked_process_asks_over_a_line_of_its_own(file_store: Engine) -> None:
    read = QuickRead(file_store, KEY_OF_DAY)
    write(file_store, "one")
    before = keys(read)
    child = os.fork()
    if child == 0:
        os._exit(0 if keys(read) == before and len(read._idle) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert keys(read) == before


def test_a_store_that_cannot_be_opened_is_an_error_of_the_store(tmp_path: Path) -> None:
    read = QuickRead(open_engine(f"sqlite:///{tmp_path}/none/store.db"), KEY_OF_DAY)
    with pytest.raises(SQLAlchemyError, match="not read"):
        keys(read)
