"""The relational store: migrations, locks, clear lines for files nobody can use."""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, select, text

from controller.errors import StoreError
from controller.health import State, Verdict
from controller.store import health, leases
from controller.store.engine import HEAD, READ_ONLY, open_engine, open_store, version
from controller.store.migrate import METADATA
from controller.store.tables import shard_leases
from tests.postgres import cluster


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(f"sqlite:///{tmp_path}/plaza.db")


def test_the_migrations_make_exactly_the_tables_the_rooms_declare(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, list(METADATA)) == []  # type: ignore[arg-type]


def test_a_store_at_this_version_is_opened_without_migrating(tmp_path: Path, engine: Engine) -> None:
    assert version(engine) == HEAD
    assert version(open_store(f"sqlite:///{tmp_path}/plaza.db")) == HEAD


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/plaza.db")

    def migrate() -> None:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE half (x)"))
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        migrate()
    with engine.connect() as connection:
        assert not connection.dialect.has_table(connection, "half")


def test_a_store_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"plaza\.db.*newer Plaza"):
        open_store(f"sqlite:///{tmp_path}/plaza.db")
    assert version(engine) == "9999"


def test_a_file_that_is_no_database_gives_one_line_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "plaza.db"
    file.write_text("this is a letter, not a database " * 100)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"plaza\.db: file is not a database.*backup") as caught:
        open_store(f"sqlite:///{file}")
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before


def test_a_place_nobody_can_write_to_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "plaza.db").mkdir()
    with pytest.raises(StoreError, match=r"plaza\.db: unable to open database file"):
        open_store(f"sqlite:///{tmp_path}/plaza.db")


def test_a_url_nobody_can_read_is_named() -> None:
    with pytest.raises(StoreError, match="store_url"):
        open_engine("mysql at home")


def test_many_writers_that_read_before_they_write_never_meet_a_lock(engine: Engine) -> None:
    with engine.begin() as connection:
        row = {"shard": 1, "holder": "x", "epoch": 0, "expires_at": 0}
        connection.execute(insert(shard_leases).values(row))

    def add_many() -> None:
        for _ in range(25):
            with engine.begin() as connection:
                epoch = connection.execute(select(shard_leases.c.epoch)).scalar_one()
                connection.execute(shard_leases.update().values(epoch=epoch + 1))

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(select(shard_leases.c.epoch)).scalar_one() == 100


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(text("DELETE FROM health"))
        with engine.connect().execution_options(**READ_ONLY) as reader:
            assert reader.execute(text("SELECT count(*) FROM health")).scalar() == 0


def test_commits_reach_the_disk_before_they_are_acknowledged(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_the_time_of_a_state_moves_only_when_the_state_changes(engine: Engine) -> None:
    up = Verdict(State.UP, True, None, "answers")
    down = Verdict(State.DOWN, False, None, "silent")
    for verdict, at in ((up, 10), (up, 20), (down, 30), (down, 40)):
        health.keep(engine, [("ap", verdict, at)])
    with engine.connect() as connection:
        row = connection.execute(text("SELECT since, checked_at, service_works FROM health")).one()
    assert tuple(row) == (30, 40, None)
    assert health.latest(engine) == {"ap": (down, 40)}


def test_a_lease_goes_to_one_holder_until_it_runs_out(engine: Engine) -> None:
    assert leases.acquire(engine, 0, "first", now=100) == 1
    assert leases.acquire(engine, 0, "second", now=110) is None
    assert leases.renew(engine, 0, "first", 1, now=120)
    assert leases.acquire(engine, 0, "second", now=151) == 2
    assert not leases.renew(engine, 0, "first", 1, now=152)


def test_a_restarted_holder_takes_its_lease_back_with_a_newer_epoch(engine: Engine) -> None:
    assert leases.acquire(engine, 0, "first", now=100) == 1
    assert leases.acquire(engine, 0, "first", now=101) == 2


def test_kill_9_in_the_middle_of_commits_loses_no_acknowledged_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/plaza.db"
    open_store(url).dispose()
    for _ in range(3):
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            engine = open_store(url)
            with engine.connect() as connection:
                highest = connection.execute(select(shard_leases.c.shard)).scalars().all()
            for shard in range(max(highest, default=0) + 1, 100_000):
                with engine.begin() as connection:
                    row = {"shard": shard, "holder": "x", "epoch": 1, "expires_at": 0}
                    connection.execute(insert(shard_leases).values(row))
                os.write(write_end, f"{shard}\n".encode())
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as acknowledged:
            lines = [acknowledged.readline() for _ in range(20)]
            os.kill(child, 9)
            os.waitpid(child, 0)
            lines += acknowledged.readlines()
        wanted = {int(line) for line in lines if line.endswith("\n")}
        with sqlite3.connect(tmp_path / "plaza.db") as connection:
            kept = {row[0] for row in connection.execute("SELECT shard FROM shard_lease")}
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert wanted <= kept


def test_of_many_who_ask_at_once_one_gets_the_lease(tmp_path: Path) -> None:
    with cluster() as servers:
        for url in (f"sqlite:///{tmp_path / 'plaza.db'}", servers.new()):
            opened = open_store(url)
            with ThreadPoolExecutor(8) as pool:
                asked = pool.map(partial(leases.acquire, opened, 7, now=100), map(str, range(8)))
                assert sorted(map(str, asked)) == ["1", *["None"] * 7], url
            opened.dispose()
