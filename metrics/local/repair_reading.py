"""Reads a damaged file row by row, around the pages that cannot be read."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from metrics.catalog import MEASUREMENTS
from metrics.local.chunks import decode
from metrics.local.cold import samples as unpacked
from metrics.local.schema import Tags
from metrics.sample import Sample

DAY_S: Final = 86_400
_STRIDE_S: Final = 600
_MINUTE_S: Final = 60


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
        self._got: Counter[str] = Counter()
        self._bad_s: Counter[str] = Counter()
        self._points: Counter[str] = Counter()

    def stretch(self, measurement: str, got: int, bad_s: int) -> None:
        """So many seconds of a stretch cannot be read whole."""
        self.saved += got
        self._got[measurement] += got
        self._bad_s[measurement] += bad_s

    def chunk(self, measurement: str, points: int) -> None:
        """A chunk of so many points cannot be read."""
        self._points[measurement] += points

    def of_raw(self, damaged: Damaged) -> Mapping[str, int]:
        """As many as the stretches that can be read have, and no more than the journal knows of."""
        missing = None
        journalled = damaged.number("SELECT sum(points) FROM journal")
        if journalled is not None:
            missing = max(0, journalled - self.saved)
        found = {
            name: max(1, self._got[name] * bad_s // max(1, DAY_S - bad_s))
            for name, bad_s in self._bad_s.items()
            if bad_s
        }
        if not found:
            return {"": missing or 0} if missing != 0 else {}
        total = sum(found.values())
        if missing and missing < total:
            return {name: max(1, points * missing // total) for name, points in found.items()}
        return found

    def of_cold(self, damaged: Damaged) -> Mapping[str, int]:
        """Exactly, as far as the chunks can be counted."""
        return dict(self._points) if damaged.number("SELECT max(number) FROM chunk") else {"": 0}


def salvaged_raw(damaged: Damaged, losses: Losses) -> Iterator[list[Sample]]:
    """What can be read of a day as it came, some samples of one measurement at a time."""
    for name in MEASUREMENTS:
        yield from _points(damaged, losses, name)


def salvaged_cold(damaged: Damaged, losses: Losses) -> Iterator[list[Sample]]:
    """What can be read of a day in chunks, one at a time."""
    known: dict[str, dict[int, Tags]] = {}
    for number in range(1, (damaged.number("SELECT max(number) FROM chunk") or 0) + 1):
        select = "SELECT measurement, series, points, data FROM chunk WHERE number = ?"
        rows, _ = damaged.rows(select, (number,))
        name, series, points, data = rows[0] if rows else ("", 0, 0, b"")
        if name in MEASUREMENTS and name not in known:
            known[name] = _series(damaged, name)
        try:
            found = list(unpacked(name, known[name][series], decode(data)))
        except (ValueError, KeyError):
            losses.chunk(name, points)
            continue
        losses.saved += len(found)
        yield found


def _points(damaged: Damaged, losses: Losses, name: str) -> Iterator[list[Sample]]:
    known = MEASUREMENTS[name]
    present = damaged.columns(name)
    fields = [field for field in known.fields if field in present]
    series = _series(damaged, name)
    if not series or "series" not in present:
        return
    select = (
        f"SELECT time, series, {', '.join(fields)} FROM {name} WHERE time >= ? AND time < ? ORDER BY time"  # noqa: S608
    )
    for begin in range(damaged.begin, damaged.begin + DAY_S, _STRIDE_S):
        rows, bad_s = _stretch(damaged, select, begin, begin + _STRIDE_S)
        unique = {(row[0], row[1]): row for row in rows}
        losses.stretch(name, len(unique), bad_s)
        yield [
            Sample(
                name, dict(zip(known.tags, series[row[1]], strict=True)), _measured(fields, row[2:]), row[0]
            )
            for row in unique.values()
            if row[1] in series
        ]


def _measured(fields: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {field: value for field, value in zip(fields, values, strict=True) if value is not None}


def _series(damaged: Damaged, name: str) -> dict[int, Tags]:
    tags = MEASUREMENTS[name].tags
    select = f"SELECT id, {', '.join(tags)} FROM {name}_series ORDER BY id"  # noqa: S608
    found: dict[int, Tags] = {}
    for direction in ("ASC", "DESC"):
        rows, whole = damaged.rows(f"{select} {direction}")
        found |= {row[0]: tuple(row[1:]) for row in rows}
        if whole:
            break
    return found


def _stretch(damaged: Damaged, select: str, begin: int, end: int) -> tuple[list[Any], int]:
    """The rows of a stretch of time, and how many seconds of it cannot be read whole.

    Where something can be read of it, from either end, the stretch is halved and halved again; where nothing
    can, only down to a minute, or a dead file would take as long as all its seconds.
    """
    rows, whole = damaged.rows(select, (begin, end))
    if whole:
        return rows, 0
    rows += damaged.rows(f"{select} DESC, series DESC", (begin, end))[0]
    if end - begin <= (1 if rows else _MINUTE_S):
        return rows, end - begin
    middle = (begin + end) // 2
    halves = [_stretch(damaged, select, *half) for half in pairwise((begin, middle, end))]
    return [*halves[0][0], *halves[1][0]], halves[0][1] + halves[1][1]
