"""One SQLite file of ours: made whole or not at all, checked when opened, given the columns it lacks."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing as _closing
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from metrics.errors import StoreBroken, StoreUnusable
from metrics.local.file_volume import FileVolume, created
from metrics.local.shelf import Layout, Table
from metrics.local.sqlite import WAIT_S, aside, immediate, translated

APPLICATION: Final = 0x506C617A  # "Plaz", where file(1) and we look for it
SCHEMA: Final = 3


_EMPTY: Final = Layout(())


def open_file(path: Path, layout: Layout = _EMPTY) -> sqlite3.Connection:
    """Open or make the file; without a layout only look into it. Raises StoreUnusable."""
    with translated(path):
        if layout.tables and not path.exists():
            _make(path, layout)
        connection = _connect(path)
        try:
            _check(connection, path)
            if layout.tables:
                _evolve(connection, layout, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _make(path: Path, layout: Layout) -> None:
    """Build beside and link: a kill or a second maker never leaves a half-made file under the real name."""
    with _draft(path, layout) as draft, suppress(FileExistsError):
        os.link(draft, path)
        _sync(path.parent)


@contextmanager
def _draft(path: Path, layout: Layout) -> Iterator[Path]:
    """A new file with these tables, whole and on the disk, under another name that is gone at the end."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        # Nobody sees it before it is whole: with a log on the disk a day of chunks would need its room twice.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        with immediate(connection):
            for table in layout.tables:
                connection.execute(created(table))
            layout.fill(FileVolume(connection, path))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        _sync(draft)
        yield draft
    finally:
        connection.close()
        for part in ("", "-wal", "-shm"):
            draft.with_name(draft.name + part).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    """Mode rw: a file that somebody dropped is not made again as an empty one."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = _version(connection)
    if application != APPLICATION:
        if path.stat().st_size == 0:
            raise StoreBroken(path, "empty, so not a file of Plaza's metrics", aside(path))
        raise StoreUnusable(path, "not a file of Plaza's metrics", aside(path))
    if version > SCHEMA:
        reason = f"written by a newer Plaza (schema {version}, this one knows {SCHEMA})"
        raise StoreUnusable(path, reason, f"install that Plaza again, or start afresh: {aside(path)}")


def _evolve(connection: sqlite3.Connection, layout: Layout, path: Path) -> None:
    """Bring a file of an older Plaza up to this one, in one transaction."""
    if _version(connection) == SCHEMA and not any(_missing(connection, table) for table in layout.tables):
        return
    with immediate(connection):
        if _version(connection) < SCHEMA:
            layout.upgrade(FileVolume(connection, path))
        for table in layout.tables:
            for statement in _missing(connection, table):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def check_file(path: Path) -> list[str]:
    """What SQLite finds wrong inside, one line each. Raises StoreUnusable when it cannot be read at all."""
    with translated(path), _closing(_connect(path)) as connection:
        _check(connection, path)
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else [f"{path}: {line}" for line in found]


def _missing(connection: sqlite3.Connection, table: Table) -> list[str]:
    """The statements that bring an older table up to the catalogue's."""
    present = connection.execute(f"PRAGMA table_info({table.name})").fetchall()
    if not present:
        return [created(table)]
    names = [row[1] for row in present]
    key = tuple(row[1] for row in sorted(present, key=lambda row: row[5]) if row[5])
    if key != table.key or _unique(connection, table.name) != table.unique:
        return _rebuilt(table, names)
    absent = [name for name in table.columns if name not in names]
    return [f"ALTER TABLE {table.name} ADD COLUMN {name} {table.columns[name]}" for name in absent]


def _unique(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The columns of its UNIQUE, of which our tables have one at most."""
    for index in connection.execute(f"PRAGMA index_list({table})").fetchall():
        if index[3] == "u":
            return tuple(row[2] for row in connection.execute(f"PRAGMA index_info({index[1]})").fetchall())
    return ()


def _rebuilt(table: Table, present: Sequence[str]) -> list[str]:
    """SQLite cannot change a key, so the rows move to a new table, once per file."""
    old, kept = f"{table.name}_before", ", ".join(name for name in table.columns if name in present)
    return [
        f"ALTER TABLE {table.name} RENAME TO {old}",
        created(table),
        f"INSERT INTO {table.name} ({kept}) SELECT {kept} FROM {old}",  # noqa: S608
        f"DROP TABLE {old}",
    ]
