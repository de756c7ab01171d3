"""What one agent answered, as the readings of a platform look at it: by row, by a part of it, by a pair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from drivers.hooks import HOOKS
from drivers.snmp.seam import Oid, PollReply, Value
from drivers.values import Meant, meant, number_of, reduced, scaled, text_of
from drivers.words import ANY, Reading, Reduction, Share, Step, extend_column, extend_index

IndexPart = Oid | str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its index, and the parts of it that the table names."""

    index: Oid
    parts: Mapping[str, IndexPart] = field(default_factory=dict)


DEVICE: Final = Row(())
"""The device itself: its readings take scalars, and of a column the first row."""


@dataclass(slots=True)
class Answers:
    """One reply. `complete` is False when the poll broke off: what is not there may only not have arrived."""

    scalars: Mapping[Oid, Value]
    columns: Mapping[Oid, Mapping[Oid, Value]]
    complete: bool
    _pairs: dict[Oid, dict[str, list[Oid]]] = field(default_factory=dict)
    _parts: dict[tuple[Oid, int], dict[Oid, list[Value]]] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: PollReply) -> "Answers":
        """The answers of a reply."""
        return cls(reply.scalars, reply.columns, reply.failure is None)

    def number(self, reading: Reading, row: Row = DEVICE) -> int | float | None:
        """What a reading says of a row, as a number."""
        number = number_of(self.value(reading, row))
        return None if number is None else scaled(reading, number)

    def text(self, readings: Sequence[Reading], row: Row = DEVICE) -> str | None:
        """The first text, not empty, that the readings say of a row."""
        for reading in readings:
            value = self.value(reading, row)
            if value is not None and (text := text_of(value).strip()):
                return text
        return None

    def value(self, reading: Reading, row: Row = DEVICE) -> Meant | None:
        """What a reading says of a row, before scale and offset."""
        raws = _SOURCES[reading.source](self, reading, row)
        if reading.reduce is None:
            return next((value for raw in raws if (value := meant(reading, raw)) is not None), None)
        values = [value for raw in raws if (value := meant(reading, raw)) is not None]
        if reading.reduce is Reduction.COUNT and not values and not self.complete:
            return None
        return reduced(reading.reduce, values)

    def paired(self, theirs: Oid, key: str) -> list[Oid]:
        """Indexes of the rows where this column says `key`."""
        if theirs not in self._pairs:
            found: dict[str, list[Oid]] = {}
            for index, value in self.columns.get(theirs, {}).items():
                found.setdefault(text_of(value), []).append(index)
            self._pairs[theirs] = found
        return self._pairs[theirs].get(key, [])

    def within(self, column: Oid, part: Oid, *, last: bool) -> list[Value]:
        """Values whose index begins, or with `last` ends, with this part; all of them when it is empty."""
        if not part:
            return list(self.columns.get(column, {}).values())
        size = -len(part) if last else len(part)
        if (column, size) not in self._parts:
            found: dict[Oid, list[Value]] = {}
            for index, value in self.columns.get(column, {}).items():
                found.setdefault(index[size:] if last else index[:size], []).append(value)
            self._parts[column, size] = found
        return self._parts[column, size].get(part, [])

    def place(self, steps: Sequence[Step], row: Row) -> Oid | None:
        """The index that `at` spells out in this row; None when an object that it names is not there."""
        arcs: list[int] = []
        for step in steps:
            if step == ANY:
                continue
            more = self.arcs(step, row)
            if more is None:
                return None
            arcs += more
        return tuple(arcs)

    def arcs(self, step: Step, row: Row) -> Oid | None:
        """One step of `at`."""
        if isinstance(step, int):
            return (step,)
        if isinstance(step, str):
            part = row.parts.get(step)
            return extend_index(part) if isinstance(part, str) else part
        value = self.columns.get(step, {}).get(row.index)
        if isinstance(value, bytes):
            return tuple(value)
        return (value,) if isinstance(value, int) else value


Raws = Sequence[Meant]


def _scalar(answers: Answers, reading: Reading, row: Row) -> Raws:
    value = answers.scalars.get(reading.scalar or ())
    return () if value is None else (value,)


def _column(answers: Answers, reading: Reading, row: Row) -> Raws:
    oid = reading.column or ()
    column = answers.columns.get(oid)
    if column is None:
        return ()
    if reading.pair is not None:
        return _of_pair(answers, reading, row, column)
    if row is DEVICE and reading.at is None:
        return tuple(column.values())
    place = row.index if reading.at is None else answers.place(reading.at, row)
    if place is None:
        return ()
    if reading.reduce is not None:
        return answers.within(oid, place, last=bool(reading.at and reading.at[0] == ANY))
    value = column.get(place)
    return () if value is None else (value,)


def _of_pair(answers: Answers, reading: Reading, row: Row, column: Mapping[Oid, Value]) -> Raws:
    pair = reading.pair
    if pair is None:
        return ()
    key: Meant | None
    if isinstance(pair.ours, tuple):
        key = answers.columns.get(pair.ours, {}).get(row.index)
    else:
        key = row.parts.get(pair.ours) if isinstance(pair.ours, str) else pair.ours
    if key is None:
        return ()
    return [column[index] for index in answers.paired(pair.theirs, text_of(key)) if index in column]


def _extend(answers: Answers, reading: Reading, row: Row) -> Raws:
    name = reading.extend or ""
    if row is DEVICE:
        value = answers.scalars.get((*extend_column(), *extend_index(name)))
    else:
        filled = name.format_map({key: part for key, part in row.parts.items() if isinstance(part, str)})
        value = answers.columns.get(extend_column(), {}).get(extend_index(filled))
    return () if value is None else (value,)


def _index(answers: Answers, reading: Reading, row: Row) -> Raws:
    part = row.parts.get(reading.index or "")
    if part is None:
        return ()
    return (part,) if isinstance(part, str) or len(part) != 1 else (part[0],)


def _value(answers: Answers, reading: Reading, row: Row) -> Raws:
    return () if reading.value is None else (reading.value,)


def _hook(answers: Answers, reading: Reading, row: Row) -> Raws:
    found = HOOKS[reading.hook or ""]([_object(answers, oid, row) for oid in reading.of])
    return () if found is None else (found,)


def _share(answers: Answers, reading: Reading, row: Row) -> Raws:
    share = reading.share
    percent = None if share is None else _percent(share, lambda oid: number_of(_object(answers, oid, row)))
    return () if percent is None else (percent,)


def _percent(share: Share, number: Callable[[Oid], int | float | None]) -> float | None:
    total = number(share.total)
    first = number(share.used or share.free[0])
    if total is None or total <= 0 or first is None:
        return None
    if share.used is not None:
        return 100 * first / total
    return 100 * (total - first - sum(number(oid) or 0 for oid in share.free[1:])) / total


def _storage(answers: Answers, reading: Reading, row: Row) -> Raws:
    storage = reading.storage
    if storage is None:
        return ()
    kinds = answers.columns.get(storage.kind, {})
    found = next((index for index in sorted(kinds) if kinds[index] == storage.equals), None)
    if found is None:
        return ()
    used = number_of(answers.columns.get(storage.used, {}).get(found))
    size = number_of(answers.columns.get(storage.size, {}).get(found))
    return (100 * used / size,) if used is not None and size else ()


def _object(answers: Answers, oid: Oid, row: Row) -> Value | None:
    """Of the device an instance, of a row the object in it."""
    return answers.scalars.get(oid) if row is DEVICE else answers.columns.get(oid, {}).get(row.index)


_SOURCES: Final[Mapping[str, Callable[[Answers, Reading, Row], Raws]]] = MappingProxyType(
    {
        "scalar": _scalar,
        "column": _column,
        "extend": _extend,
        "index": _index,
        "value": _value,
        "hook": _hook,
        "share": _share,
        "storage": _storage,
    }
)
