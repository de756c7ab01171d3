"""Brings days that an older Plaza wrote up to this one's schema, within the transaction that opens them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, groupby, repeat
from operator import is_not, itemgetter
from typing import Any, Final

from metrics.catalog import Measurement
from metrics.local import blocks
from metrics.local.blocks import STRIPE, Bounds, Values
from metrics.local.shelf import Table, Volume

_AT_ONCE: Final = 5_000
"""Rows that are read at a time, and the rest of their last slot."""

_KEYS: Final = 3
"""What comes before the fields: time, series and batch."""

_Row = Sequence[Any]
_time: Final = itemgetter(0)


def into_blocks(day: Volume, measurement: Measurement, series: Table, samples: Table) -> None:
    """Schema 1, which has the tags in each row, or 2, a row for each series and time → 3.

    Fields that the catalogue no longer knows are left out.
    """
    columns = day.columns(samples.name)
    if not columns or "stripe" in columns:
        return
    before = day.renew(samples)
    fields = [field for field in measurement.fields if field in columns]
    if "series" in columns:
        pages = _pages(day, before, ("series", "batch", *fields))
    else:
        tags = [tag for tag in measurement.tags if tag in columns]
        numbers = _numbered(day, before, series, tags)
        pages = _named(_pages(day, before, (*tags, "batch", *fields)), numbers, len(tags))
    for page in pages:
        rows = [
            block for _, slot in groupby(page, _time) for block in _blocks(measurement.name, fields, slot)
        ]
        day.load(samples, tuple(samples.columns), rows)
    day.execute(f"DROP TABLE {before}")


def _pages(day: Volume, before: str, columns: Sequence[str]) -> Iterator[Iterable[_Row]]:
    """The rows in the order of time, some thousand at a time, no slot in two.

    Those that were taken are deleted: otherwise the file would be twice as large ever after.
    """
    following = f"SELECT min(time) FROM {before} WHERE time > ?"  # noqa: S608
    last = f"SELECT time FROM {before} WHERE time >= ? ORDER BY time LIMIT 1 OFFSET {_AT_ONCE}"  # noqa: S608
    select = (
        f"SELECT time, {', '.join(columns)} FROM {before} "  # noqa: S608
        "WHERE time >= ? AND time <= ? ORDER BY time"
    )
    (begin,) = day.execute(f"SELECT min(time) FROM {before}").fetchone()  # noqa: S608
    while begin is not None:
        (end,) = day.execute(last, (begin,)).fetchone() or (None,)
        if end is None:
            (end,) = day.execute(f"SELECT max(time) FROM {before}").fetchone()  # noqa: S608
        yield day.execute(select, (begin, end))
        day.execute(f"DELETE FROM {before} WHERE time <= ?", (end,))  # noqa: S608
        (begin,) = day.execute(following, (end,)).fetchone()


def _numbered(day: Volume, before: str, series: Table, tags: Sequence[str]) -> dict[tuple[str, ...], int]:
    """Give each set of tags its number. Only files were ever of schema 1."""
    day.execute(f"{series.create} WITHOUT ROWID")
    listed = ", ".join(tags)
    day.execute(
        f"INSERT INTO {series.name} (id, {listed}) SELECT row_number() OVER (ORDER BY {listed}), {listed} "  # noqa: S608
        f"FROM (SELECT DISTINCT {listed} FROM {before})"
    )
    found = day.execute(f"SELECT id, {listed} FROM {series.name}")  # noqa: S608
    return {tuple(values): number for number, *values in found}


def _named(
    pages: Iterable[Iterable[_Row]], numbers: Mapping[tuple[str, ...], int], tags: int
) -> Iterator[Iterator[_Row]]:
    """The same rows with a number in place of so many tags."""
    for page in pages:
        yield ((row[0], numbers[tuple(row[1 : tags + 1])], *row[tags + 1 :]) for row in page)


def _blocks(measurement: str, fields: Sequence[str], slot: Iterable[_Row]) -> Iterator[Values]:
    """The rows of one time as rows of blocks: one for each stripe, batch and set of fields."""
    found: dict[tuple[int, int, tuple[bool, ...]], list[_Row]] = {}
    for row in slot:
        there = tuple(map(is_not, row[_KEYS:], repeat(None)))
        found.setdefault((row[1] // STRIPE, row[2], there), []).append(row)
    several: dict[tuple[int, int], int] = {}
    for (stripe, batch, there), rows in sorted(found.items()):
        if not any(there):
            continue  # a point of which nothing is known
        rows.sort(key=itemgetter(1))
        members = sum(1 << row[1] % STRIPE for row in rows)
        number = several[stripe, batch] = several.get((stripe, batch), -1) + 1
        known = list(compress(fields, there))
        values = [tuple(compress(row[_KEYS:], there)) for row in rows]
        codes = blocks.codes_of(measurement, known, _bounds(values))
        data = blocks.pack(known, codes, values)
        yield stripe, rows[0][0], batch, number, blocks.signed(members), data


def _bounds(rows: Sequence[Values]) -> list[Bounds]:
    """The least and the largest of each field."""
    return [(min(column), max(column)) for column in zip(*rows, strict=True)]
