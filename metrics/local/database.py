"""One SQLite file of ours: made whole or not at all, checked when opened, given the columns it lacks."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from metrics.errors import StoreUnusable

APPLICATION: Final = 0x506C617A  # "Plaz", where file(1) and we look for it
SCHEMA: Final = 1
WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` maps names to declarations; later versions only ever add some. `key` is the primary key.

    A column that joins the key later declares the value that older rows have.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    unique: tuple[str, ...] = ()

    @property
    def create(self) -> str:
        parts = [f"{name} {declaration}" for name, declaration in self.columns.items()]
        parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        if self.unique:
            parts.append(f"UNIQUE ({', '.join(self.unique)})")
        return f"CREATE TABLE {self.name} ({', '.join(parts)}) WITHOUT ROWID"


class Connection(sqlite3.Connection):
    """sqlite3's own class cannot be referred to weakly."""


Fill = Callable[[sqlite3.Connection], None]


def _empty(connection: sqlite3.Connection) -> None:
    """Nothing to put into a new file."""


def open_file(path: Path, tables: Sequence[Table], fill: Fill = _empty) -> Connection:
    """Open or make the file; `fill` puts the first rows into a new one. Raises StoreUnusable."""
    with translated(path):
        if not path.exists():
            _make(path, tables, fill)
        connection = _connect(path)
        try:
            _check(connection, path)
            _evolve(connection, tables)
        except BaseException:
            connection.close()
            raise
        return connection


def _make(path: Path, tables: Sequence[Table], fill: Fill) -> None:
    """Build beside and link: a kill or a second maker never leaves a half-made file under the real name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        for table in tables:
            connection.execute(table.create)
        fill(connection)
        connection.close()
        os.link(draft, path)
        _sync_directory(path.parent)
    except FileExistsError:
        return
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> Connection:
    """Mode rw: a file that somebody dropped is not made again as an empty one."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StoreUnusable(path, "not a file of Plaza's metrics", _aside(path))
    if version > SCHEMA:
        reason = f"written by a newer Plaza (schema {version}, this one knows {SCHEMA})"
        raise StoreUnusable(path, reason, f"install that Plaza again, or start afresh: {_aside(path)}")


def _evolve(connection: sqlite3.Connection, tables: Sequence[Table]) -> None:
    if not any(_missing(connection, table) for table in tables):
        return
    with immediate(connection):
        for table in tables:
            for statement in _missing(connection, table):
                connection.execute(statement)


def _missing(connection: sqlite3.Connection, table: Table) -> list[str]:
    """The statements that bring an older table up to the catalogue's."""
    present = connection.execute(f"PRAGMA table_info({table.name})").fetchall()
    if not present:
        return [table.create]
    names = [row[1] for row in present]
    key = tuple(row[1] for row in sorted(present, key=lambda row: row[5]) if row[5])
    if key != table.key:
        return _rebuilt(table, names)
    absent = [name for name in table.columns if name not in names]
    return [f"ALTER TABLE {table.name} ADD COLUMN {name} {table.columns[name]}" for name in absent]


def _rebuilt(table: Table, present: Sequence[str]) -> list[str]:
    """SQLite cannot change a primary key, so the rows move to a new table, once per file."""
    old, kept = f"{table.name}_before", ", ".join(name for name in table.columns if name in present)
    return [
        f"ALTER TABLE {table.name} RENAME TO {old}",
        table.create,
        f"INSERT INTO {table.name} ({kept}) SELECT {kept} FROM {old}",  # noqa: S608
        f"DROP TABLE {old}",
    ]


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: all of it on the disk at the end, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One state of the file for several reads."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's complaints about a file as StoreUnusable with the command that mends it."""
    try:
        yield
    except sqlite3.Error as error:
        hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if hint is None:
            raise
        raise StoreUnusable(path, str(error), hint(path)) from error
    except OSError as error:
        raise StoreUnusable(path, error.strerror or str(error), _accessible(path)) from error


def _accessible(path: Path) -> str:
    directory = path if path.is_dir() else path.parent
    return f"see df {directory}, and let this user read and write there: chown -R {os.geteuid()} {directory}"


def _aside(path: Path) -> str:
    return f"move it away, nothing in it is touched: mv {path} {path}.aside"


def _held(path: Path) -> str:
    return f"another process has held it for {WAIT_S:.0f} s: fuser -v {path}"


# By SQLite's primary result code; the other ones are mistakes of ours.
_HINTS: Final[Mapping[int, Callable[[Path], str]]] = {
    sqlite3.SQLITE_BUSY: _held,
    sqlite3.SQLITE_CANTOPEN: _accessible,
    sqlite3.SQLITE_CORRUPT: _aside,
    sqlite3.SQLITE_FULL: _accessible,
    sqlite3.SQLITE_IOERR: _accessible,
    sqlite3.SQLITE_NOTADB: _aside,
    sqlite3.SQLITE_PERM: _accessible,
    sqlite3.SQLITE_READONLY: _accessible,
}
