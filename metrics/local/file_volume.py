"""A volume that is a SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from metrics.local.shelf import Rows, Table, Values
from metrics.local.sqlite import immediate, snapshot, translated


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
            return self._connection.execute(statement, values)

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
