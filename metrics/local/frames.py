"""Rows by columns: what was measured of many series in a window, to be reckoned with at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local import blocks as packed
from metrics.local.blocks import STRIPE, Block, Shape
from metrics.local.exact import Mask, Places
from metrics.sample import Sample

TYPES: Final = {
    "B": "u1", "H": "<u2", "I": "<u4", "b": "i1", "h": "<i2", "i": "<i4", "q": "<i8", "d": "<f8",
}  # fmt: skip
"""What numpy calls the codes of a block."""

_SHORT: Final = 2**16

Integers = NDArray[np.int64]


class Column(NamedTuple):
    """One field in the rows of a frame where it is known; None = in all. Whole numbers, or doubles."""

    values: NDArray[Any]
    rows: Places | None


NONE: Final = np.zeros(0, np.int64)
_NOWHERE: Final = Column(NONE, np.zeros(0, np.intp))


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows in the order of their series, each oldest first; a field that nobody measured has no column."""

    series: Integers
    times: Integers
    columns: Mapping[str, Column]

    def spread(self, field: str, rows: Places) -> tuple[NDArray[Any], Mask | None]:
        """A field in these rows, and in which of them it is known; None = in all."""
        column = self.columns.get(field, _NOWHERE)
        values, of = column.values, column.rows
        if of is rows:
            return values, None
        if of is None:
            return values[rows], None
        whole = np.zeros(len(self.series), values.dtype)
        known = np.zeros(len(self.series), bool)
        whole[of], known[of] = values, True
        return whole[rows], known[rows]

    def known(self, fields: Iterable[str]) -> Places:
        """The rows in which there is any of these fields."""
        columns = [self.columns[field] for field in fields if field in self.columns]
        if any(column.rows is None for column in columns):
            return np.arange(len(self.series))
        different = {id(column.rows): column.rows for column in columns if column.rows is not None}
        if len(different) == 1:
            return next(iter(different.values()))
        known = np.zeros(len(self.series), bool)
        for rows in different.values():
            known[rows] = True
        return np.flatnonzero(known)

    def taken(self, rows: Places) -> "Frame":
        """Some of the rows, in their order."""
        columns = {}
        for field in self.columns:
            values, known = self.spread(field, rows)
            if known is None or known.all():
                columns[field] = Column(values, None)
            elif known.any():
                columns[field] = Column(values[known], np.flatnonzero(known))
        return Frame(self.series[rows], self.times[rows], columns)


def begins(series: Integers) -> Places:
    """Where each series begins."""
    if not len(series):
        return np.zeros(0, np.intp)
    return np.concatenate((np.zeros(1, np.intp), np.flatnonzero(series[1:] != series[:-1]) + 1))


class _Part(NamedTuple):
    """The rows of blocks of one shape."""

    series: Integers
    times: Integers
    rows: NDArray[np.void]


def of_blocks(measurement: str, several: Iterable[Block], wanted: Sequence[str]) -> Frame:
    """Their rows with these fields. Raises ValueError where a block is not as it was."""
    alike: dict[Shape, list[Block]] = {}
    for block in several:
        alike.setdefault(packed.check(block), []).append(block)
    parts = [_part(shape, blocks, frozenset(wanted)) for shape, blocks in alike.items()]
    whole: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        for field in part.rows.dtype.names or ():
            whole.setdefault(field, []).append(number)
    series = np.concatenate([NONE, *(part.series for part in parts)])
    times = np.concatenate([NONE, *(part.times for part in parts)])
    order = _order(series, times)
    own = _Orders(order, [len(part.series) for part in parts])
    columns = {
        field: own.column([parts[number].rows[field] for number in of], tuple(of), _type(measurement, field))
        for field, of in whole.items()
    }
    return Frame(series[order], times[order], columns)


def _type(measurement: str, field: str) -> type[np.float64] | type[np.int64]:
    return np.float64 if MEASUREMENTS[measurement].fields[field].kind is Kind.FLOAT else np.int64


class _Orders:
    """The order of the rows of some parts, for each choice of parts reckoned once."""

    def __init__(self, order: Places, lengths: Sequence[int]) -> None:
        self._order = order
        self._lengths = np.array(lengths, np.intp)
        self._known: dict[tuple[int, ...], tuple[Places, Places | None]] = {}

    def column(self, values: Sequence[NDArray[Any]], of: tuple[int, ...], kind: type[Any]) -> Column:
        """What these parts have of a field."""
        if of not in self._known:
            self._known[of] = self._of(of)
        order, rows = self._known[of]
        joined = values[0] if len(values) == 1 else np.concatenate([part.astype(kind) for part in values])
        return Column(joined[order].astype(kind, copy=False), rows)

    def _of(self, of: tuple[int, ...]) -> tuple[Places, Places | None]:
        if len(of) == len(self._lengths):
            return self._order, None
        chosen = np.isin(np.arange(len(self._lengths)), of)
        left_out = np.cumsum(np.where(chosen, 0, self._lengths))
        part = np.repeat(np.arange(len(self._lengths)), self._lengths)[self._order]
        rows = np.flatnonzero(chosen[part])
        return self._order[rows] - left_out[part[rows]], rows


def _part(shape: Shape, blocks: Sequence[Block], wanted: frozenset[str]) -> _Part:
    body = b"".join([memoryview(block.data)[shape.begin :] for block in blocks])
    members = np.array([block.members for block in blocks], "<u8").view(np.uint8).reshape(-1, 8)
    of, place = np.nonzero(np.unpackbits(members, axis=1, bitorder="little"))
    first = np.array([block.stripe * STRIPE for block in blocks], np.int64)
    times = np.array([block.time for block in blocks], np.int64)
    return _Part(first[of] + place, times[of], np.frombuffer(body, _row_type(shape, wanted)))


@lru_cache(maxsize=2**8)
def _row_type(shape: Shape, wanted: frozenset[str]) -> np.dtype[np.void]:
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    at = 0
    for field, code in zip(shape.fields, shape.codes, strict=True):
        if field in wanted:
            names.append(field)
            formats.append(TYPES[code])
            offsets.append(at)
        at += np.dtype(TYPES[code]).itemsize
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": at})


def _order(series: Integers, times: Integers) -> Places:
    return np.lexsort((_short(times), _short(series)))


def _short(values: Integers) -> NDArray[Any]:
    """Near each other they are sorted several times as quick."""
    if not len(values):
        return values
    least = values.min()
    return (values - least).astype(np.uint16) if values.max() - least < _SHORT else values


def of_samples(
    measurement: str, samples: Iterable[Sample], number: Callable[[Sample], int], wanted: Sequence[str]
) -> Frame:
    """The same of samples, given the number of each one's series."""
    several = sorted(((number(sample), sample.time, sample.fields) for sample in samples), key=_by_time)
    columns: dict[str, Column] = {}
    for field in wanted:
        rows = [row for row, (_, _, fields) in enumerate(several) if field in fields]
        if rows:
            values = np.array([several[row][2][field] for row in rows], _type(measurement, field))
            columns[field] = Column(values, np.array(rows, np.intp) if len(rows) < len(several) else None)
    series = np.array([number for number, _, _ in several], np.int64)
    return Frame(series, np.array([time for _, time, _ in several], np.int64), columns)


def _by_time(row: tuple[int, int, Any]) -> tuple[int, int]:
    return row[:2]


def renumbered(frame: Frame, series: Integers) -> Frame:
    """The same rows of series with other numbers, in the order of those."""
    order = _order(series, frame.times)
    changed = Frame(series, frame.times, frame.columns)
    return changed.taken(order)


def stacked(several: Sequence[Frame]) -> Frame:
    """The rows of all of them."""
    series = np.concatenate([NONE, *(frame.series for frame in several)])
    times = np.concatenate([NONE, *(frame.times for frame in several)])
    begin = np.cumsum([0, *(len(frame.series) for frame in several)])
    columns: dict[str, Column] = {}
    for field in dict.fromkeys(chain.from_iterable(frame.columns for frame in several)):
        found = [
            (frame.columns[field].values, at + _rows(frame, field))
            for frame, at in zip(several, begin, strict=False)
            if field in frame.columns
        ]
        values, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
        columns[field] = Column(values, None if len(rows) == len(series) else rows)
    return Frame(series, times, columns).taken(_order(series, times))


def _rows(frame: Frame, field: str) -> Places:
    rows = frame.columns[field].rows
    return np.arange(len(frame.series)) if rows is None else rows
