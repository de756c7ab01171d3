"""What a reading of a platform says of a row: where its source points to becomes a number or a text."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from drivers.answers import DEVICE, Answers, Row
from drivers.hooks import HOOKS
from drivers.snmp.seam import Oid, Value
from drivers.values import Meant, meant, number_of, reduced, scaled, text_of
from drivers.words import ANY, HOLE, Reading, Reduction, Share, extend_column, extend_index

Raws = Sequence[Meant] | None
"""The values that a source points to; None when it cannot tell to which."""


def number(answers: Answers, reading: Reading, row: Row = DEVICE) -> int | float | None:
    """What a reading says of a row, as a number."""
    found = number_of(value(answers, reading, row))
    return None if found is None else scaled(reading, found)


def text(answers: Answers, readings: Sequence[Reading], row: Row = DEVICE) -> str | None:
    """The first text, not empty, that the readings say of a row."""
    for reading in readings:
        found = value(answers, reading, row)
        if found is not None and (said := text_of(found).strip()):
            return said
    return None


def value(answers: Answers, reading: Reading, row: Row = DEVICE) -> Meant | None:
    """What a reading says of a row, before scale and offset."""
    found = raws(answers, reading, row)
    if found is None:
        return None
    if reading.reduce is None:
        return next((one for raw in found if (one := meant(reading, raw)) is not None), None)
    values = [one for raw in found if (one := meant(reading, raw)) is not None]
    if reading.reduce is Reduction.COUNT and not values and not answers.complete:
        return None
    return reduced(reading.reduce, values)


def raws(answers: Answers, reading: Reading, row: Row) -> Raws:
    """What the source of a reading points to in a row, as the agent sent it."""
    return _SOURCES[reading.source](answers, reading, row)


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
        return None
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
        return None
    return [column[index] for index in answers.paired(pair.theirs, text_of(key)) if index in column]


def _extend(answers: Answers, reading: Reading, row: Row) -> Raws:
    name = reading.extend or ""
    if row is DEVICE:
        value = answers.scalars.get((*extend_column(), *extend_index(name)))
    else:
        filled = HOLE.sub(lambda hole: text_of(row.parts.get(hole[1], "")), name)
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
    found = HOOKS[reading.hook or ""](*(answers.object(oid, row) for oid in reading.of))
    return () if found is None else (found,)


def _share(answers: Answers, reading: Reading, row: Row) -> Raws:
    share = reading.share
    percent = None if share is None else _percent(share, lambda oid: number_of(answers.object(oid, row)))
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
