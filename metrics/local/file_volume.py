"""A volume that is a SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metrics.local.shelf import Rows, Table, Values
from metrics.local.sqlite import immediate, snapshot, translated


def created(table: Table) -> str:
    """Small rows lie in the order of their key: with a rowid each would be stored and searched twice.

    Large ones with a rowid: in a tree of keys most of each would lie on a page of its own.
    """
    return table.create if table.large else f"{table.create} WITHOUT ROWID"


class _Rows:
    """An answer whose mistakes are its own file's, whatever else is being read. See Rows."""

    __slots__ = ("_cursor", "_path")

    def __init__(self, cursor: sqlite3.Cursor, path: Path) -> None:
        self._cursor = cursor
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        with translated(self._path):
            yield from self._cursor

    def fetchone(self) -> Any:
        with translated(self._path):
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with translated(self._path):
            return self._cursor.fetchall()

    @property
    def description(self) -> Any:
        return self._cursor.description


class FileVolume:
    """One SQLite file as this thread holds it. See Volume."""

    __slots__ = ("_connection", "_path")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @property
    def name(self) -> str:
        """See Volume."""
        return self._path.stem

    def execute(self, statement: str, values: Values = ()) -> Rows:
        """See Volume."""
        with translated(self._path):
            return _Rows(self._connection.execute(statement, values), self._path)

    def executemany(self, statement: str, rows: Iterable[Values]) -> None:
        """See Volume."""
        with translated(self._path):
            self._connection.executemany(statement, rows)

    def load(
        self, table: Table, columns: tuple[str, ...], rows: Iterable[Values], conflict: str = ""
    ) -> None:
        """See Volume."""
        with translated(self._path):
            self._connection.executemany(_insert(table, columns, conflict), rows)

    def columns(self, table: str) -> list[str]:
        """See Volume."""
        return [row[1] for row in self.execute(f"PRAGMA table_info({table})")]

    def renew(self, table: Table) -> str:
        """See Volume."""
        before = f"{table.name}_before"
        self.execute(f"ALTER TABLE {table.name} RENAME TO {before}")
        self.execute(created(table))
        return before

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Volume."""
        with translated(self._path), immediate(self._connection):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See Volume."""
        with translated(self._path), snapshot(self._connection):
            yield


_inserts: dict[tuple[str, tuple[str, ...], str], str] = {}


def _insert(table: Table, columns: tuple[str, ...], conflict: str) -> str:
    """Remembered: the same few come again with every batch."""
    key = (table.name, columns, conflict)
    if key not in _inserts:
        marks = ", ".join(_mark(table.columns[column]) for column in columns)
        _inserts[key] = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608
    return _inserts[key]


def _mark(declaration: str) -> str:
    """An INTEGER column would keep 7.9 as it is."""
    return "CAST(? AS INTEGER)" if declaration == "INTEGER" else "?"
