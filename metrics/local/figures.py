"""The figures of a bucket: reckoned in whole numbers, so that their order never matters, and packed small.

A gauge has how many values are known, their total, the least and the largest. A counter has its growth and
over how many intervals that is known. Fields that are not whole are kept in hundredths.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local.levels import SEEN

FINE: Final = 100
"""Into so many parts a unit is divided in fields that are not whole."""

Cell = tuple[int, int, int | None, int | None]
"""known, total, least, most; a counter has neither least nor most, and what an older Plaza kept no least."""
Cells = dict[str, Cell]


class Figure(NamedTuple):
    """`total` of `known` values, the largest and the least; of a counter, its growth over `known` intervals.

    The least is None where an older Plaza did not keep it.
    """

    known: int
    total: float
    largest: float | None = None
    least: float | None = None

    @property
    def mean(self) -> float:
        """Of the known values, or of the intervals."""
        return self.total / self.known


def merge(into: Cells, cells: Mapping[str, Cell]) -> None:
    """Add figures of other series, or of another time."""
    if not into:
        into.update(cells)
        return
    for name, cell in cells.items():
        before = into.get(name)
        into[name] = cell if before is None else _sum(before, cell)


def _sum(one: Cell, other: Cell) -> Cell:
    least, most = one[2], one[3]
    if most is not None and other[3] is not None and other[3] > most:
        most = other[3]
    if least is not None and (other[2] is None or other[2] < least):
        least = other[2]
    return one[0] + other[0], one[1] + other[1], least, most


class Packing:
    """How the figures of one measurement become octets: which are known, and their numbers, LEB128 each."""

    __slots__ = ("_counter", "_fractions", "_names", "_plans", "_real")

    def __init__(self, measurement: str) -> None:
        fields = MEASUREMENTS[measurement].fields
        self._names = (*fields, SEEN)
        self._counter = (*(field.counter for field in fields.values()), False)
        self._real = (*(field.kind is Kind.FLOAT for field in fields.values()), False)
        self._fractions = frozenset(name for name, real in zip(self._names, self._real, strict=True) if real)
        self._plans: dict[bytes, dict[str, Place]] = {}

    def pack(self, cells: Mapping[str, Cell], got: int) -> bytes:
        """Known numbers that are `got` as well are not written, nor are hundredths where all are whole."""
        present = other = fine = unbounded = 0
        numbers: list[int] = []
        for index, name in enumerate(self._names):
            cell = cells.get(name)
            if cell is None:
                continue
            bit = 1 << index
            present |= bit
            known, total, least, most = cell
            if known != got:
                other |= bit
                numbers.append(known)
            if most is None:
                numbers.append(total)
                continue
            if self._real[index]:
                if total % FINE or most % FINE or (least is not None and least % FINE):
                    fine |= bit
                else:
                    total, most = total // FINE, most // FINE
                    least = None if least is None else least // FINE
            numbers += (most << 1 if most >= 0 else (-most << 1) - 1, known * most - total)
            if least is None:
                unbounded |= bit
            else:
                numbers.append(most - least)
        head = leb128((present, other, fine, unbounded))
        return bytes((len(head),)) + head + leb128(numbers)

    def unpack(self, data: bytes, got: int) -> Cells:
        """The cells again."""
        numbers = numbers_of(data, data[0] + 1)
        return {name: _cell(place, numbers, got) for name, place in self.plan(data).items()}

    def one(self, data: bytes, got: int, name: str) -> Cell:
        """One of the cells, reading no further. Raises KeyError where it is not known."""
        place = self.plan(data)[name]
        return _cell(place, numbers_of(data, data[0] + 1, place.at + _MOST_NUMBERS), got)

    def known(self, data: bytes) -> Collection[str]:
        """Which cells there are."""
        return self.plan(data).keys()

    def figures(self) -> Iterator[tuple[str, bool, bool]]:
        """Every figure there may be, whether it is a counter, and whether it is kept in hundredths."""
        return zip(self._names, self._counter, self._real, strict=True)

    def plan(self, data: bytes) -> "dict[str, Place]":
        """Where the numbers of each figure are. Remembered: a network has a few kinds of rows."""
        head = data[1 : data[0] + 1]
        plan = self._plans.get(head)
        if plan is None:
            plan = self._plans[head] = self._planned(head)
        return plan

    def _planned(self, head: bytes) -> "dict[str, Place]":
        present, other, fine, unbounded = numbers_of(head, 0)
        plan: dict[str, Place] = {}
        at = 0
        for index, name in enumerate(self._names):
            if present >> index & 1:
                plan[name] = place = Place(
                    at,
                    bool(other >> index & 1),
                    self._counter[index],
                    FINE if self._real[index] and not fine >> index & 1 else 1,
                    not unbounded >> index & 1,
                )
                at += place.other + (1 if place.counter else 2 + place.bounded)
        return plan

    def figure(self, name: str, cell: Cell) -> Figure:
        """As people read it."""
        known, total, least, most = cell
        if name not in self._fractions:
            return Figure(known, total, most, least)
        return Figure(
            known,
            total / FINE,
            None if most is None else most / FINE,
            None if least is None else least / FINE,
        )


class Place(NamedTuple):
    """`at` is the first number; `other` whether that is how many values are known, otherwise all are."""

    at: int
    other: bool
    counter: bool
    scale: int
    bounded: bool


_MOST_NUMBERS: Final = 4
"""That a cell consists of."""


def _cell(place: Place, numbers: Sequence[int], got: int) -> Cell:
    at, other, counter, scale, bounded = place
    known = got
    if other:
        known, at = numbers[at], at + 1
    if counter:
        return known, numbers[at], None, None
    sign = numbers[at]
    most = -((sign + 1) >> 1) if sign & 1 else sign >> 1
    total = (known * most - numbers[at + 1]) * scale
    return known, total, (most - numbers[at + 2]) * scale if bounded else None, most * scale


@cache
def packing(measurement: str) -> Packing:
    """The one of a measurement."""
    return Packing(measurement)


class Figures(Mapping[str, Figure]):
    """The figures of a bucket by field, unpacked when somebody looks; a field nobody measured is absent."""

    __slots__ = ("_cells", "_data", "_got", "_looked", "_packing")

    def __init__(self, of: Packing, data: bytes, got: int) -> None:
        self._packing = of
        self._data = data
        self._got = got
        self._cells: Cells | None = None
        self._looked = False

    @classmethod
    def of(cls, packing: Packing, cells: Cells) -> "Figures":
        """Of cells that are not packed."""
        made = cls(packing, b"", 0)
        made._cells = cells
        return made

    @property
    def cells(self) -> Cells:
        """What they consist of."""
        if self._cells is None:
            self._cells = self._packing.unpack(self._data, self._got)
        return self._cells

    def __getitem__(self, name: str) -> Figure:
        """Who looks at one figure of many buckets does not wait for the others."""
        if self._cells is not None or self._looked:
            return self._packing.figure(name, self.cells[name])
        self._looked = True
        return self._packing.figure(name, self._packing.one(self._data, self._got, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells if self._cells is not None else self._packing.known(self._data))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


def leb128(numbers: Sequence[int]) -> bytes:
    """Seven bits to an octet, the lowest first."""
    made = bytearray()
    append = made.append
    for number in numbers:
        while number > 0x7F:
            append(number & 0x7F | 0x80)
            number >>= 7  # noqa: PLW2901
        append(number)
    return bytes(made)


def numbers_of(data: bytes, start: int, most: int = 0) -> list[int]:
    """The numbers again, from this octet on; so many at most, 0 = all."""
    found: list[int] = []
    append = found.append
    number = shift = 0
    for octet in memoryview(data)[start:]:
        if octet < 0x80:
            append(number | octet << shift if shift else octet)
            number = shift = 0
            if len(found) == most:
                break
        else:
            number |= (octet & 0x7F) << shift
            shift += 7
    return found
