"""Figures of many buckets packed and unpacked at once, in the octets of figures.Packing."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.local.exact import LIMIT, Mask, Numbers, Places
from metrics.local.figures import FINE, Cell, Packing, Place, packing
from metrics.local.sums import Bounds, Column, Sums

_SEVEN: Final = np.uint64(7)
_LOW: Final = np.uint64(0x7F)
_MORE: Final = 0x80
_MOST_OCTETS: Final = 8
"""Of a number that is read with the others, of 56 bits."""

Octets = NDArray[np.uint8]


class _Written(NamedTuple):
    """One of the numbers of a row, and in which rows it is."""

    values: Numbers
    present: Mask


def pack(measurement: str, sums: Sums) -> list[bytes]:
    """The figures of each row. Rows of very large numbers are packed one by one."""
    if not sums.tags:
        return []
    packs = packing(measurement)
    found = _Packer(packs, sums).rows()
    got = sums.got
    for row in np.flatnonzero(_huge(sums)).tolist():
        found[row] = packs.pack(sums.cells(row), int(got[row]))
    return found


def _huge(sums: Sums) -> Mask:
    """In which rows a number might have more than 62 bits."""
    found = np.zeros(len(sums.tags), bool)
    for column in sums.columns.values():
        far = np.abs(column.total.astype(np.float64))
        if column.bounds is not None:
            most = np.abs(column.bounds.most.astype(np.float64))
            least = np.where(column.bounds.bounded, np.abs(column.bounds.least.astype(np.float64)), 0)
            far = np.maximum(far, 2 * np.maximum(column.known, 1) * np.maximum(most, least))
        found |= (column.known > 0) & (far >= LIMIT / 2)
    return found


class _Packer:
    def __init__(self, packs: Packing, sums: Sums) -> None:
        self._packs = packs
        self._sums = sums
        self._got = sums.got
        size = len(sums.tags)
        self._everywhere = np.ones(size, bool)
        self._heads = [np.zeros(size, np.uint64) for _ in range(4)]
        self._numbers: list[_Written] = []

    def rows(self) -> list[bytes]:
        """See pack; in place of those with very large numbers is anything."""
        for place, (name, counter, real) in enumerate(self._packs.figures()):
            column = self._sums.columns.get(name)
            if column is not None:
                self._add(np.uint64(1 << place), column, counter=counter, real=real)
        lengths = sum((_lengths(head) for head in self._heads), np.zeros(len(self._got), np.int64))
        heads = [_Written(values, self._everywhere) for values in (lengths, *self._heads)]
        return _leb128([*heads, *self._numbers])

    def _add(self, bit: np.uint64, column: Column, *, counter: bool, real: bool) -> None:
        present, other, fine, unbounded = self._heads
        there = column.known > 0
        differs = there & (column.known != self._got)
        present |= bit * there
        other |= bit * differs
        self._numbers.append(_Written(column.known, differs))
        total = _small(column.total)
        if column.bounds is None:
            self._numbers.append(_Written(total, there))
            return
        bounds = column.bounds
        least, most, bounded = _small(bounds.least), _small(bounds.most), bounds.bounded & there
        if real:
            parts = there & ((total % FINE != 0) | (most % FINE != 0) | (bounded & (least % FINE != 0)))
            fine |= bit * parts
            least, most, total = (np.where(parts, values, values // FINE) for values in (least, most, total))
        unbounded |= bit * (there & ~bounded)
        self._numbers += (
            _Written(np.where(most >= 0, most << 1, (-most << 1) - 1), there),
            _Written(column.known * most - total, there),
            _Written(most - least, bounded),
        )


def _small(values: Numbers) -> NDArray[np.int64]:
    """Where they are too large the row is packed by itself anyway."""
    if values.dtype != object:
        return values
    return np.array([value if abs(value) < LIMIT else 0 for value in values.tolist()], np.int64)


def _lengths(values: Numbers) -> NDArray[np.int64]:
    """How many octets each takes."""
    lengths = np.ones(len(values), np.int64)
    rest = values >> _SEVEN
    while rest.any():
        lengths += rest > 0
        rest >>= _SEVEN
    return lengths


def _leb128(written: Sequence[_Written]) -> list[bytes]:
    """Row by row what is present, seven bits to an octet, the lowest first."""
    present = np.stack([one.present for one in written], axis=1)
    values = np.stack([one.values.astype(np.uint64) for one in written], axis=1)[present]
    lengths = _lengths(values)
    ends = np.cumsum(lengths)
    made = np.empty(int(ends[-1]), np.uint8)
    place = ends - lengths
    while len(values):
        rest = values >> _SEVEN
        goes_on = rest > 0
        made[place] = (values & _LOW).astype(np.uint8) | (goes_on * np.uint8(_MORE))
        values, place = rest[goes_on], place[goes_on] + 1
    whole, rows = made.tobytes(), ends[np.cumsum(present.sum(axis=1)) - 1].tolist()
    return [whole[begin:end] for begin, end in zip([0, *rows[:-1]], rows, strict=True)]


def unpack(measurement: str, sums: Sums, data: Sequence[bytes]) -> Sums:
    """The same rows with their figures, out of the octets of each."""
    return _Unpacker(packing(measurement), sums, data).sums()


class _Unpacker:
    def __init__(self, packs: Packing, sums: Sums, data: Sequence[bytes]) -> None:
        self._packs = packs
        self._sums = sums
        self._data = data
        self._columns: dict[str, Column] = {}

    def sums(self) -> Sums:
        """See unpack."""
        for rows, plan, written, small in self._alike():
            for name, place in plan.items():
                self._put(name, rows[small], place, written[small])
            for row in rows[~small].tolist():
                for name, cell in self._packs.unpack(self._data[row], int(self._sums.got[row])).items():
                    self._columns[name] = _with(self._column(name, counter=plan[name].counter), row, cell)
        sums = self._sums
        return Sums(sums.tags, sums.expected, sums.got, sums.seen, self._columns)

    def _alike(self) -> Iterator[tuple[Places, dict[str, Place], Numbers, Mask]]:
        """Rows of the same head with their plan, their numbers row by row, and which have only small ones."""
        heads: dict[bytes, list[int]] = {}
        for row, data in enumerate(self._data):
            heads.setdefault(data[: data[0] + 1], []).append(row)
        for head, rows in heads.items():
            plan = self._packs.plan(head)
            body = b"".join([self._data[row][len(head) :] for row in rows])
            written, small = _numbers(np.frombuffer(body, np.uint8), len(rows))
            yield np.array(rows, np.intp), plan, written, small & self._fits(rows, plan, written)

    def _fits(self, rows: Sequence[int], plan: dict[str, Place], written: Numbers) -> Mask:
        """Where no total has more than 62 bits."""
        fits = np.ones(len(rows), bool)
        got = self._sums.got[rows]
        for place in plan.values():
            if not place.counter:
                at = place.at + place.other
                known = written[:, place.at] if place.other else got
                far = (1.0 * known + 1) * (1.0 * written[:, at] + 1) + 1.0 * written[:, at + 1]
                fits &= far * place.scale < LIMIT
        return fits

    def _put(self, name: str, rows: Places, place: Place, written: Numbers) -> None:
        column = self._column(name, counter=place.counter)
        at = place.at + place.other
        known = written[:, place.at] if place.other else self._sums.got[rows]
        column.known[rows] = known
        if column.bounds is None:
            column.total[rows] = written[:, at]
            return
        sign = written[:, at]
        most = np.where(sign & 1, -((sign + 1) >> 1), sign >> 1)
        column.total[rows] = (known * most - written[:, at + 1]) * place.scale
        column.bounds.most[rows] = most * place.scale
        column.bounds.bounded[rows] = place.bounded
        if place.bounded:
            column.bounds.least[rows] = (most - written[:, at + 2]) * place.scale

    def _column(self, name: str, *, counter: bool) -> Column:
        if name not in self._columns:
            size = len(self._data)
            known, total, least, most = (np.zeros(size, np.int64) for _ in range(4))
            bounds = None if counter else Bounds(least, most, np.ones(size, bool))
            self._columns[name] = Column(known, total, bounds)
        return self._columns[name]


def _with(column: Column, row: int, cell: Cell) -> Column:
    """The column with a cell of large numbers in this row."""
    known, total, least, most = cell
    column.known[row] = known
    bounds = column.bounds
    if bounds is None:
        return Column(column.known, _put(column.total, row, total))
    bounds.bounded[row] = least is not None
    lowest, highest = _put(bounds.least, row, least or 0), _put(bounds.most, row, most or 0)
    return Column(column.known, _put(column.total, row, total), Bounds(lowest, highest, bounds.bounded))


def _put(values: Numbers, row: int, value: int) -> Numbers:
    made = values if abs(value) < LIMIT else values.astype(object)
    made[row] = value
    return made


def _numbers(octets: Octets, rows: int) -> tuple[Numbers, Mask]:
    """As many numbers for each of the rows, and which rows have none that is too large."""
    ends = np.flatnonzero(octets < _MORE)
    place = np.concatenate((np.zeros(1, np.intp), ends[:-1] + 1))[: len(ends)]
    lengths = ends - place + 1
    found = np.zeros(len(ends), np.int64)
    left = np.arange(len(ends))
    for shift in range(0, 7 * _MOST_OCTETS, 7):
        found[left] |= (octets[place] & 0x7F).astype(np.int64) << shift
        goes_on = octets[place] >= _MORE
        left, place = left[goes_on], place[goes_on] + 1
    each = (rows, len(ends) // rows)
    return found.reshape(each), np.all((lengths <= _MOST_OCTETS).reshape(each), axis=1)
