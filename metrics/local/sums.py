"""Buckets by columns: of each figure its numbers of all buckets, to be added up at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Self

import numpy as np

from metrics.catalog import MEASUREMENTS
from metrics.local.exact import Mask, Numbers, Places, summed
from metrics.local.figures import Cell, Cells
from metrics.local.levels import SEEN
from metrics.local.rollup_tables import Sum
from metrics.local.schema import Tags

_FAR: Final = 2**63 - 1
_FARTHER: Final = 2**99
"""The least of nothing, of 64 bits and of any size."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the largest value; where it is not `bounded` an older Plaza kept no least."""

    least: Numbers
    most: Numbers
    bounded: Mask


@dataclass(frozen=True, slots=True)
class Column:
    """One figure, a row per bucket; where `known` is 0 nobody measured it. A counter has no bounds."""

    known: Numbers
    total: Numbers
    bounds: Bounds | None = None

    def taken(self, rows: Places | Mask) -> "Column":
        """These rows of it."""
        known, total, bounds = self.known[rows], self.total[rows], self.bounds
        if bounds is None:
            return Column(known, total)
        return Column(known, total, Bounds(bounds.least[rows], bounds.most[rows], bounds.bounded[rows]))

    def cell(self, row: int) -> Cell:
        """One of them."""
        known, total = int(self.known[row]), int(self.total[row])
        if self.bounds is None:
            return known, total, None, None
        least = int(self.bounds.least[row]) if self.bounds.bounded[row] else None
        return known, total, least, int(self.bounds.most[row])


@dataclass(slots=True)
class Sums:
    """A row per set of tags: see rollup_tables.Sum."""

    tags: list[Tags]
    expected: Numbers
    got: Numbers
    seen: Numbers
    columns: dict[str, Column]

    @classmethod
    def nothing(cls, tags: list[Tags]) -> Self:
        """Rows of which nothing is known."""
        zeros = np.zeros(len(tags), np.int64)
        return cls(tags, zeros, zeros, zeros, {})

    @classmethod
    def of(cls, measurement: str, rows: Mapping[Tags, Sum]) -> Self:
        """Rows that were made one by one."""
        several = list(rows.values())
        names = (*MEASUREMENTS[measurement].fields, SEEN)
        present = {name for one in several for name in one.cells}
        return cls(
            list(rows),
            np.array([one.expected for one in several], np.int64),
            np.array([one.got for one in several], np.int64),
            np.array([one.seen for one in several], np.int64),
            {name: _column([one.cells.get(name) for one in several]) for name in names if name in present},
        )

    def cells(self, row: int) -> Cells:
        """The figures of one row."""
        return {name: column.cell(row) for name, column in self.columns.items() if column.known[row]}

    def taken(self, rows: Places | Mask) -> "Sums":
        """Some of the rows."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Sums(
            [self.tags[place] for place in places.tolist()],
            self.expected[rows],
            self.got[rows],
            self.seen[rows],
            {name: column.taken(rows) for name, column in self.columns.items()},
        )


def _column(cells: Sequence[Cell | None]) -> Column:
    counter = all(cell is None or cell[3] is None for cell in cells)
    known = np.array([cell[0] if cell else 0 for cell in cells], np.int64)
    total = _numbers([cell[1] if cell else 0 for cell in cells])
    if counter:
        return Column(known, total)
    least = [0 if cell is None or cell[2] is None else cell[2] for cell in cells]
    most = [0 if cell is None or cell[3] is None else cell[3] for cell in cells]
    bounded = np.array([cell is None or cell[2] is not None for cell in cells], bool)
    return Column(known, total, Bounds(_numbers(least), _numbers(most), bounded))


def _numbers(values: Sequence[int]) -> Numbers:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def grouped(sums: Sums, at: Places, tags: list[Tags]) -> Sums:
    """Rows of the same place in `tags` summed up."""
    size = len(tags)
    return Sums(
        tags,
        summed(at, sums.expected, size),
        summed(at, sums.got, size),
        summed(at, sums.seen, size),
        {name: _grouped(column, at, size) for name, column in sums.columns.items()},
    )


def _grouped(column: Column, at: Places, size: int) -> Column:
    there = column.known > 0
    if not there.all():
        at, column = at[there], column.taken(there)
    known, total = summed(at, column.known, size), summed(at, column.total, size)
    bounds = column.bounds
    if bounds is None:
        return Column(known, total)
    least, most = _nothing(size, bounds.least), -_nothing(size, bounds.most)
    np.minimum.at(least, at[bounds.bounded], bounds.least[bounds.bounded])
    np.maximum.at(most, at, bounds.most)
    bounded = np.ones(size, bool)
    bounded[at[~bounds.bounded]] = False
    return Column(known, total, Bounds(least, most, bounded))


def _nothing(size: int, like: Numbers) -> Numbers:
    return np.full(size, _FARTHER if like.dtype == object else _FAR, like.dtype)


def by_tags(sums: Sums, key: Callable[[Tags], Tags] | None = None) -> Sums:
    """Rows of the same tags, or of the same ones of their tags, summed up."""
    places: dict[Tags, int] = {}
    keys = map(key, sums.tags) if key else sums.tags
    at = np.array([places.setdefault(tags, len(places)) for tags in keys], np.intp)
    return grouped(sums, at, list(places))


def merged(several: Sequence[Sums]) -> Sums:
    """All rows, those of the same tags summed up."""
    return by_tags(joined(several))


def joined(several: Sequence[Sums]) -> Sums:
    """All rows."""
    if len(several) == 1:
        return several[0]
    names = dict.fromkeys(chain.from_iterable(part.columns for part in several))
    return Sums(
        list(chain.from_iterable(part.tags for part in several)),
        _stacked([part.expected for part in several]),
        _stacked([part.got for part in several]),
        _stacked([part.seen for part in several]),
        {name: _joined(several, name) for name in names},
    )


def _joined(several: Sequence[Sums], name: str) -> Column:
    counter = next(part.columns[name].bounds is None for part in several if name in part.columns)
    columns = [part.columns.get(name) or _unknown(len(part.tags), counter) for part in several]
    known = _stacked([column.known for column in columns])
    total = _stacked([column.total for column in columns])
    bounds = [column.bounds for column in columns if column.bounds is not None]
    if counter:
        return Column(known, total)
    least, most = _stacked([one.least for one in bounds]), _stacked([one.most for one in bounds])
    return Column(known, total, Bounds(least, most, np.concatenate([one.bounded for one in bounds])))


def _unknown(size: int, counter: bool) -> Column:
    zeros = np.zeros(size, np.int64)
    return Column(zeros, zeros, None if counter else Bounds(zeros, zeros, np.ones(size, bool)))


def _stacked(parts: Iterable[Numbers]) -> Numbers:
    listed = list(parts)
    return np.concatenate(listed) if listed else np.zeros(0, np.int64)


def named(sums: Sums) -> Sums:
    """How many series were seen is a figure too."""
    others = {name: column for name, column in sums.columns.items() if name != SEEN}
    there = sums.seen > 0
    if there.any():
        known = there.astype(np.int64)
        others[SEEN] = Column(known, sums.seen, Bounds(sums.seen, sums.seen, np.ones(len(there), bool)))
    return replace(sums, columns=others)
