"""The chunks of a past day: series by series, each unpacked again before it is believed."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreUnusable
from metrics.local import blocks as packed
from metrics.local import cold, raw_days
from metrics.local.blocks import STRIPE, Block, Shape
from metrics.local.chunk_making import Arrays, Known, arrays, encode, lists
from metrics.local.chunks import Columns, Value, decode
from metrics.local.cold import CHUNKS, INCLUDED, Chunk
from metrics.local.cold_days import Kept
from metrics.local.frames import TYPES
from metrics.local.schema import ORIGIN, Tags, origin, series_table
from metrics.local.shelf import Volume
from metrics.sink import Window

_EVER: Final = Window(-(2**63), 2**63 - 1)
CELLS: Final = 400_000
"""So many values are held in memory at a time, and at least those of one series."""
_SERIES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}


def fill(kept: Kept, volume: Volume) -> None:
    """Put all that is kept of a day into a new generation. Raises StoreUnusable where it would lose a row."""
    making = _Making(volume)
    volume.load(ORIGIN, ("token",), [(cold.new_token(),)])
    for measurement in MEASUREMENTS:
        making.series = 0
        taken = _merged(kept, measurement, making)
        there = _rows(kept, measurement)
        if taken != there:
            reason = f"{there} rows of {measurement} became {taken}"
            name = volume.name if kept.raw is None else kept.raw.name
            raise StoreUnusable(name, reason, "nothing was dropped; run plaza store check")
    volume.load(INCLUDED, tuple(INCLUDED.columns), _included(kept))


def _rows(kept: Kept, measurement: str) -> int:
    if kept.raw is None:
        return 0
    members = kept.raw.execute(f"SELECT members FROM {measurement} WHERE batch > ?", (kept.after,))  # noqa: S608
    return sum(packed.unsigned(one).bit_count() for (one,) in members)


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

    def add(self, measurement: str, tags: Tags, series: Arrays) -> None:
        """Pack a series."""
        data = encode(series)
        if decode(data) != lists(series):
            hint = "nothing was dropped; this is a mistake of Plaza's: report it"
            raise StoreUnusable(self._volume.name, f"{measurement} {tags} did not come back as it was", hint)
        times = series.times
        self.keep(measurement, tags, data, len(times), int(times[0]), int(times[-1]))

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
    if kept.raw is not None:
        for tags, series in _raw_series(kept.raw, measurement, kept.after):
            taken += len(series.times)
            chunk = older.pop(tags, None)
            if chunk is not None and kept.cold is not None:
                series = arrays(_over(lists(series), kept.cold.columns(chunk.number)))  # noqa: PLW2901
            making.add(measurement, tags, series)
    for tags, chunk in older.items():
        assert kept.cold is not None  # noqa: S101  that is where it is from
        data = kept.cold.checked(chunk.number)
        making.keep(measurement, tags, data, chunk.points, chunk.first, chunk.last)
    return taken


def _over(newer: Columns, older: Columns) -> Columns:
    """Rows put over what is older, field by field."""
    times = sorted({*older.times, *newer.times})
    place = {time: at for at, time in enumerate(times)}
    fields: dict[str, list[Value]] = {}
    for columns in (older, newer):
        for name, values in columns.fields.items():
            merged = fields.setdefault(name, [None] * len(times))
            for time, value in zip(columns.times, values, strict=True):
                if value is not None:
                    merged[place[time]] = value
    return Columns(times, fields)


def _raw_series(raw: Volume, measurement: str, after: int) -> Iterator[tuple[Tags, Arrays]]:
    """The rows of batches after `after`, series by series, each oldest first."""
    known = raw_days.series(raw, measurement, {})
    for stripe in raw_days.all_stripes(raw, measurement):
        several = list(raw_days.blocks(raw, measurement, _EVER, stripes=(stripe,), after=after))
        for wanted in _portions(several, len(MEASUREMENTS[measurement].fields)):
            for place, series in _apart(raw, measurement, several, wanted):
                tags = known.get(stripe * STRIPE + place)
                if tags is not None:  # whose it is nobody knows: then the numbers of rows will not agree
                    yield tags, series


def _portions(several: Sequence[Block], fields: int) -> Iterator[int]:
    """The bits of some series of a stripe at a time, as many as fit."""
    rows = sum(block.members.bit_count() for block in several)
    at_once = max(1, STRIPE * CELLS // max(1, rows * fields))
    for first in range(0, STRIPE, at_once):
        yield (1 << min(at_once, STRIPE - first)) - 1 << first


class _Part(NamedTuple):
    """The rows of all blocks of one shape, as they lie there: whose they are, when, and a field each."""

    shape: Shape
    places: NDArray[np.intp]
    times: NDArray[np.int64]
    rows: NDArray[Any]


def _apart(
    raw: Volume, measurement: str, several: Sequence[Block], wanted: int
) -> Iterator[tuple[int, Arrays]]:
    """The rows of some members of a stripe, member by member."""
    shapes: dict[Shape, list[Block]] = {}
    for block in several:
        if block.members & wanted:
            with raw_days.sound(raw):
                shapes.setdefault(packed.check(block), []).append(block)
    parts = [_part(shape, some, wanted) for shape, some in shapes.items()]
    if not parts:
        return
    places = np.concatenate([part.places for part in parts])
    times = np.concatenate([part.times for part in parts])
    order = np.lexsort((times, places))
    places, times = places[order], times[order]
    columns = {
        field: _column(field, parts, order)
        for field in MEASUREMENTS[measurement].fields
        if any(field in part.shape.fields for part in parts)
    }
    edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
    for begin, end in pairwise(edges):
        fields = {field: _cut(known, begin, end) for field, known in columns.items()}
        measured = {field: known for field, known in fields.items() if len(known.values)}
        yield int(places[begin]), Arrays(times[begin:end], measured)


def _part(shape: Shape, several: Sequence[Block], wanted: int) -> _Part:
    form = np.dtype([(field, TYPES[code]) for field, code in zip(shape.fields, shape.codes, strict=True)])
    rows = np.frombuffer(b"".join(block.data[shape.begin :] for block in several), form)
    counts = [block.members.bit_count() for block in several]
    places = np.concatenate([_places(block.members) for block in several])
    times = np.repeat(np.array([block.time for block in several], np.int64), counts)
    if all(block.members & wanted == block.members for block in several):
        return _Part(shape, places, times, rows)
    chosen = np.isin(places, _places(wanted))
    return _Part(shape, places[chosen], times[chosen], rows[chosen])


@lru_cache(maxsize=2**10)
def _places(members: int) -> NDArray[np.intp]:
    return np.array(packed.places(members), np.intp)


def _column(field: str, parts: Sequence[_Part], order: NDArray[np.intp]) -> Known:
    """The values of a field in this order of all rows, and where it is known."""
    real = any((field, "d") in zip(part.shape.fields, part.shape.codes, strict=True) for part in parts)
    values = np.zeros(len(order), np.float64 if real else np.int64)
    known = np.zeros(len(order), bool)
    at = 0
    for part in parts:
        if field in part.shape.fields:
            values[at : at + len(part.rows)] = part.rows[field]
            known[at : at + len(part.rows)] = True
        at += len(part.rows)
    return Known(values[order], None if known.all() else known[order])


def _cut(known: Known, begin: int, end: int) -> Known:
    """Of one series."""
    values = known.values[begin:end]
    if known.rows is None:
        return Known(values)
    rows = known.rows[begin:end]
    return Known(values) if rows.all() else Known(values[rows], rows)
