"""Rows into the blocks of a day; where a slot is written again, into one row of the newer batch."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from metrics.catalog import MEASUREMENTS
from metrics.local import blocks
from metrics.local.blocks import STRIPE, Block, Values
from metrics.local.raw_days import sound
from metrics.local.schema import samples_table
from metrics.local.shelf import Volume

_TABLES: Final = {m.name: samples_table(m) for m in MEASUREMENTS.values()}
_AT_ONCE: Final = 500
"""Times that one statement asks for."""

Slots = dict[int, dict[int, Values]]
"""The rows of one stripe: by time and place in the stripe."""
_There = tuple[int, int, int]
"""Batch, number and members of a block."""


def by_stripe(numbers: Sequence[int], times: Sequence[int], rows: Sequence[Values]) -> dict[int, Slots]:
    """Rows of series of these numbers; of two at one time the later counts."""
    found: dict[int, Slots] = {}
    for number, time, row in zip(numbers, times, rows, strict=True):
        try:
            found[number // STRIPE][time][number % STRIPE] = row
        except KeyError:
            found.setdefault(number // STRIPE, {}).setdefault(time, {})[number % STRIPE] = row
    return found


def place(
    day: Volume, measurement: str, fields: tuple[str, ...], codes: str, rows: Mapping[int, Slots], batch: int
) -> None:
    """Write the rows of a batch that have these fields, in the catalogue's order. Within a transaction."""
    made = []
    again = []
    for stripe, slots in rows.items():
        there = _there(day, measurement, stripe, list(slots))
        for time, fresh in slots.items():
            before = there.get(time, ())
            members, several = _in_order(fresh)
            if any(members & blocks.unsigned(present) for _, _, present in before):
                again.append((stripe, time, fresh))
                continue
            number = _following(before, batch)
            data = blocks.pack(fields, codes, several)
            made.append((stripe, time, batch, number, blocks.signed(members), data))
    table = _TABLES[measurement]
    day.load(table, tuple(table.columns), made)
    for stripe, time, fresh in again:
        newer = {one: dict(zip(fields, row, strict=True)) for one, row in fresh.items()}
        _over(day, measurement, (stripe, time), newer, batch)


def _in_order(fresh: Mapping[int, Values]) -> tuple[int, list[Values]]:
    """The bits of the members, and their rows in that order."""
    of = sorted(fresh)
    return _bits(tuple(of)), [fresh[one] for one in of]


@lru_cache(maxsize=2**12)
def _bits(of: tuple[int, ...]) -> int:
    return sum(1 << one for one in of)


def _there(day: Volume, measurement: str, stripe: int, times: Sequence[int]) -> dict[int, list[_There]]:
    """The blocks of a stripe at these times, without their data."""
    found: dict[int, list[_There]] = {}
    for first in range(0, len(times), _AT_ONCE):
        some = times[first : first + _AT_ONCE]
        select = (
            f"SELECT time, batch, number, members FROM {measurement} "  # noqa: S608
            f"WHERE stripe = ? AND time IN ({', '.join('?' * len(some))})"
        )
        for time, *there in day.execute(select, (stripe, *some)).fetchall():
            found.setdefault(time, []).append((there[0], there[1], there[2]))
    return found


def _following(there: Sequence[_There], batch: int) -> int:
    """The number of the next block of the batch."""
    return max((number for of, number, _ in there if of == batch), default=-1) + 1


def _over(
    day: Volume, measurement: str, key: tuple[int, int], merged: dict[int, dict[str, Any]], batch: int
) -> None:
    """Put rows over those that are there, field by field, as InfluxDB does with a point."""
    for block, number in _blocks(day, measurement, key):
        if block.members & _bits(tuple(sorted(merged))):
            _take(day, measurement, block, number, merged)
    table, made = _TABLES[measurement], []
    number = _following(_there(day, measurement, key[0], key[1:]).get(key[1], ()), batch)
    for fields, several in _by_fields(measurement, merged).items():
        members, rows = _in_order(several)
        bounds = [(min(column), max(column)) for column in zip(*rows, strict=True)]
        data = blocks.pack(fields, blocks.codes_of(measurement, fields, bounds), rows)
        made.append((*key, batch, number, blocks.signed(members), data))
        number += 1
    day.load(table, tuple(table.columns), made)


def _blocks(day: Volume, measurement: str, key: tuple[int, int]) -> Iterator[tuple[Block, int]]:
    select = f"SELECT batch, number, members, data FROM {measurement} WHERE stripe = ? AND time = ?"  # noqa: S608
    for batch, number, members, data in day.execute(select, key).fetchall():
        yield Block(*key, batch, blocks.unsigned(members), bytes(data)), number


def _take(
    day: Volume, measurement: str, block: Block, number: int, merged: dict[int, dict[str, Any]]
) -> None:
    """Move the rows of these members out of a block, under their newer fields."""
    with sound(day):
        shape, rows = blocks.rows(block)
        present = dict(zip(blocks.places(block.members), rows, strict=True))
    for place in present.keys() & merged.keys():
        merged[place] = {**dict(zip(shape.fields, present.pop(place), strict=True)), **merged[place]}
    where = f"FROM {measurement} WHERE stripe = ? AND time = ? AND batch = ? AND number = ?"
    day.execute(f"DELETE {where}", (block.stripe, block.time, block.batch, number))
    if present:
        members, several = _in_order(present)
        data = blocks.pack(shape.fields, shape.codes, several)
        row = (block.stripe, block.time, block.batch, number, blocks.signed(members), data)
        table = _TABLES[measurement]
        day.load(table, tuple(table.columns), [row])


def _by_fields(
    measurement: str, merged: Mapping[int, Mapping[str, Any]]
) -> dict[tuple[str, ...], dict[int, Values]]:
    """The rows by their fields in the catalogue's order; those that it no longer knows are left out."""
    found: dict[tuple[str, ...], dict[int, Values]] = {}
    for place, row in merged.items():
        fields = tuple(field for field in MEASUREMENTS[measurement].fields if field in row)
        found.setdefault(fields, {})[place] = tuple(row[field] for field in fields)
    return found
