"""Reads a damaged file piece by piece, around the pages that cannot be read."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from metrics.catalog import MEASUREMENTS
from metrics.local.chunks import decode
from metrics.local.cold import samples as unpacked
from metrics.local.schema import Tags
from metrics.sample import Sample

_CHUNKS: Final = 16
"""That are held in memory at a time: written one by one, each sample would get a block of its own."""


def reading(path: Path) -> sqlite3.Connection:
    """The file as it is, with the log beside it; nothing in it is changed."""
    where = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(where, uri=True, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        connection = sqlite3.connect(f"{where}&immutable=1", uri=True, isolation_level=None)
        # Without this SQLite reads nothing of a file whose end is missing.
        connection.execute("PRAGMA writable_schema = ON")
    return connection


class Damaged:
    """A damaged file of the day that begins at `begin`."""

    def __init__(self, connection: sqlite3.Connection, begin: int) -> None:
        self._connection = connection
        self.begin = begin

    def columns(self, table: str) -> list[str]:
        """Of a table, none when it is not there or not readable."""
        return [row[1] for row in self.rows(f"PRAGMA table_info({table})")[0]]

    def series(self, measurement: str) -> dict[int, Tags]:
        """Those that can be read, by number."""
        tags = MEASUREMENTS[measurement].tags
        select = f"SELECT id, {', '.join(tags)} FROM {measurement}_series ORDER BY id"  # noqa: S608
        form = [int, *[str] * len(tags)]
        rows = self.from_both_ends(f"{select} ASC", f"{select} DESC")[0]
        return {row[0]: tuple(row[1:]) for row in rows if list(map(type, row)) == form}

    def from_both_ends(
        self, statement: str, backwards: str, values: Sequence[Any] = ()
    ) -> tuple[list[Any], bool]:
        """The rows up to the first that cannot be read and those after the last, and whether that was all."""
        rows, whole = self.rows(statement, values)
        return (rows, True) if whole else (rows + self.rows(backwards, values)[0], False)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> tuple[list[Any], bool]:
        """The rows up to the first that cannot be read, and whether that was all."""
        found: list[Any] = []
        try:
            for row in self._connection.execute(statement, values):
                found.append(row)
        except sqlite3.DatabaseError:
            return found, False
        return found, True

    def number(self, statement: str) -> int | None:
        """One number, None when it cannot be read."""
        rows, whole = self.rows(statement)
        return int(rows[0][0] or 0) if whole and rows else None


class Losses:
    """About how many points of each measurement cannot be read."""

    def __init__(self) -> None:
        self.saved = 0
        self._known: Counter[str] = Counter()
        self._guessed: Counter[str] = Counter()
        self._unknown = False

    def known(self, measurement: str, points: int) -> None:
        """So many points were there and cannot be read."""
        self._known[measurement] += points

    def guessed(self, measurement: str, points: int) -> None:
        """About so many points were there as well, or more."""
        self._unknown = True
        self._guessed[measurement] += points

    def of_raw(self, damaged: Damaged) -> Mapping[str, int]:
        """What is known, and the rest as the journal tells; where it cannot be read, as it was guessed."""
        journalled = damaged.number("SELECT sum(points) FROM journal")
        found = +self._known
        if not self._unknown:
            return found
        if journalled is None:
            return found + self._guessed or {"": 0}
        rest, guessed = max(0, journalled - self.saved - found.total()), self._guessed.total()
        share = min(rest, guessed)
        found += Counter(
            {name: points * share // guessed for name, points in self._guessed.items() if points}
        )
        return +(found + Counter({"": rest - share}))

    def of_cold(self, damaged: Damaged) -> Mapping[str, int]:
        """Exactly, as far as the chunks can be counted."""
        return dict(self._known) if damaged.number("SELECT max(number) FROM chunk") else {"": 0}


def salvaged_cold(damaged: Damaged, losses: Losses) -> Iterator[list[Sample]]:
    """What can be read of a day in chunks, some of one measurement at a time, oldest first."""
    chunks = _unpacked(damaged, losses)
    for _, several in groupby(chunks, lambda samples: samples[0].measurement):
        while some := list(chain.from_iterable(islice(several, _CHUNKS))):
            losses.saved += len(some)
            yield sorted(some, key=attrgetter("time"))


def _unpacked(damaged: Damaged, losses: Losses) -> Iterator[list[Sample]]:
    known: dict[str, dict[int, Tags]] = {}
    for number in range(1, (damaged.number("SELECT max(number) FROM chunk") or 0) + 1):
        select = "SELECT measurement, series, points, data FROM chunk WHERE number = ?"
        rows, _ = damaged.rows(select, (number,))
        name, series, points, data = rows[0] if rows else ("", 0, 0, b"")
        if name in MEASUREMENTS and name not in known:
            known[name] = damaged.series(name)
        try:
            yield list(unpacked(name, known[name][series], decode(data)))
        except (ValueError, KeyError):
            losses.known(name, points)
