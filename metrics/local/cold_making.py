"""Makes a past day cold: series by series into chunks, each unpacked again before it is believed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreUnusable
from metrics.local import cold
from metrics.local.chunks import Columns, Value, decode, encode
from metrics.local.cold import CHUNKS, INCLUDED, Chunk
from metrics.local.cold_days import Kept, looking
from metrics.local.schema import ORIGIN, Tags, origin, series_table
from metrics.local.shelf import Volume

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

# What is held in memory at a time: about this many rows, and at least one series.
_ROWS: Final = 20_000
_SERIES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}


def make(store: "LocalStore", day: str, now: int) -> str:
    """Put what the newest generation lacks into a new one beside it; answer its name.

    "" when it lacks nothing. Nothing is dropped. Raises StoreUnusable.
    """
    with looking(store, day) as kept:
        if kept.raw is None:
            return ""
        before = int(kept.cold.facts.name.rpartition("-")[2]) if kept.cold else 0
        # A day that was dropped may begin again: by the clock its names are others than before.
        name = cold.name_of(day, max(now, before + 1))
        store.shelf.open(name, cold.layout(partial(_fill, kept)))
    return name


def _fill(kept: Kept, volume: Volume) -> None:
    making = _Making(volume)
    volume.load(ORIGIN, ("token",), [(cold.new_token(),)])
    for measurement in MEASUREMENTS:
        making.series = 0
        taken = _merged(kept, measurement, making)
        if kept.raw is not None:
            count = f"SELECT count(*) FROM {measurement} WHERE batch > ?"  # noqa: S608
            (there,) = kept.raw.execute(count, (kept.after,)).fetchone()
            if taken != there:
                reason = f"{there} rows of {measurement} became {taken}"
                raise StoreUnusable(kept.raw.name, reason, "nothing was dropped; run plaza store check")
    volume.load(INCLUDED, tuple(INCLUDED.columns), _included(kept))


def _included(kept: Kept) -> list[tuple[str, str, int, int]]:
    rows: list[tuple[str, str, int, int]] = []
    if kept.cold is not None:
        rows.append((kept.cold.facts.token, cold.WRITER, kept.cold.facts.chunks, 0))
    if kept.raw is not None:
        token = origin(kept.raw)
        (batch,) = kept.raw.execute("SELECT coalesce(max(batch), 0) FROM journal").fetchone()
        writers = kept.raw.execute("SELECT writer, seq FROM writers ORDER BY writer").fetchall()
        rows += [(token, writer, seq, batch) for writer, seq in writers]
    return rows


class _Making:
    """The chunks and series written so far."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._number = 0
        self.series = 0

    def add(self, measurement: str, tags: Tags, columns: Columns) -> None:
        """Pack a series."""
        data = encode(columns)
        known = {name: values for name, values in columns.fields.items() if values.count(None) < len(values)}
        if decode(data) != Columns(columns.times, known):
            hint = "nothing was dropped; this is a mistake of Plaza's: report it"
            raise StoreUnusable(self._volume.name, f"{measurement} {tags} did not come back as it was", hint)
        self.keep(measurement, tags, data, len(columns.times), columns.times[0], columns.times[-1])

    def keep(self, measurement: str, tags: Tags, data: bytes, points: int, first: int, last: int) -> None:
        """Write a packed series."""
        self._number += 1
        self.series += 1
        table = _SERIES[measurement]
        self._volume.load(table, tuple(table.columns), [(self.series, *tags)])
        row = (self._number, measurement, self.series, points, first, last, data)
        self._volume.load(CHUNKS, tuple(CHUNKS.columns), [row])


def _merged(kept: Kept, measurement: str, making: _Making) -> int:
    """Pack every series of both; answer how many raw rows that took."""
    older: dict[Tags, Chunk] = {}
    if kept.cold is not None:
        older = {chunk.tags: chunk for chunk in kept.cold.chunks(measurement)}
    taken = 0
    fields = tuple(MEASUREMENTS[measurement].fields)
    if kept.raw is not None:
        for tags, rows in _raw_series(kept.raw, measurement, kept.after):
            taken += len(rows)
            chunk = older.pop(tags, None)
            if chunk is not None and kept.cold is not None:
                rows = _over(rows, kept.cold.columns(chunk.number), fields)  # noqa: PLW2901
            making.add(measurement, tags, _columns(rows, fields))
    for tags, chunk in older.items():
        assert kept.cold is not None  # noqa: S101  that is where it is from
        data = kept.cold.checked(chunk.number)
        making.keep(measurement, tags, data, chunk.points, chunk.first, chunk.last)
    return taken


def _columns(rows: Sequence[Sequence[Any]], fields: Sequence[str]) -> Columns:
    times, *values = zip(*rows, strict=True)
    return Columns(list(times), dict(zip(fields, map(list, values), strict=True)))


def _over(rows: Sequence[Sequence[Any]], older: Columns, fields: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows put over what is older, field by field."""
    nothing: list[Value] = [None] * len(older.times)
    columns = [older.fields.get(name, nothing) for name in fields]
    points: dict[int, Sequence[Any]] = dict(zip(older.times, zip(*columns, strict=True), strict=True))
    for time, *values in rows:
        before = points.get(time)
        if before is not None:
            values = [old if new is None else new for new, old in zip(values, before, strict=True)]  # noqa: PLW2901
        points[time] = values
    return [(time, *points[time]) for time in sorted(points)]


def _raw_series(raw: Volume, measurement: str, after: int) -> Iterator[tuple[Tags, list[tuple[Any, ...]]]]:
    """The rows of batches after `after`, series by series, each oldest first.

    A day lies in the order of time: some neighbouring series at a time are looked up in each slot.
    """
    tags = ", ".join(MEASUREMENTS[measurement].tags)
    (rows,) = raw.execute(f"SELECT count(*) FROM {measurement} WHERE batch > ?", (after,)).fetchone()  # noqa: S608
    if not rows:
        return
    listed = raw.execute(f"SELECT id, {tags} FROM {measurement}_series ORDER BY id").fetchall()  # noqa: S608
    at_once = max(1, _ROWS * len(listed) // rows)
    for start in range(0, len(listed), at_once):
        group = listed[start : start + at_once]
        found: dict[int, list[tuple[Any, ...]]] = {}
        for row in raw.execute(_of_some(measurement), (group[0][0], group[-1][0], after)):
            found.setdefault(row[0], []).append(row[1:])
        for series, *values in group:
            if series in found:
                yield tuple(values), sorted(found.pop(series), key=_time)


def _time(row: Sequence[Any]) -> int:
    time: int = row[0]
    return time


def _of_some(measurement: str) -> str:
    fields = ", ".join(f"s.{name}" for name in MEASUREMENTS[measurement].fields)
    return (
        f"WITH RECURSIVE slots (time) AS (SELECT min(time) FROM {measurement} UNION ALL SELECT "  # noqa: S608
        f"(SELECT min(r.time) FROM {measurement} r WHERE r.time > slots.time) "
        f"FROM slots WHERE slots.time IS NOT NULL) "
        f"SELECT s.series, s.time, {fields} FROM slots CROSS JOIN {measurement} s "
        f"WHERE s.time = slots.time AND s.series BETWEEN ? AND ? AND s.batch > ?"
    )
