"""The way of a batch into its day: checked, its series numbered, its blocks and its journal row written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.local import blocks
from metrics.local.placing import by_stripe, place
from metrics.local.schema import JOURNAL, WRITERS, origin
from metrics.local.series import Series
from metrics.local.shelf import Volume
from metrics.sample import Sample

DAY_S: Final = 86_400
_LARGEST: Final = 2**63 - 1
_WIDTHS: Final = {m.name: len(m.tags) for m in MEASUREMENTS.values()}


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes; `seq` is the number it gives the batch itself, None = the next one of its day."""

    writer: str
    shard: int
    epoch: int
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Samples of one measurement and day that know the same fields, and their values, a tuple for each.

    `fields` are in the catalogue's order, `codes` how blocks hold them.
    """

    measurement: str
    fields: tuple[str, ...]
    codes: str
    samples: list[Sample]
    values: list[blocks.Values]


def sorted_out(samples: Iterable[Sample]) -> dict[int, list[Group]]:
    """Groups by the number of their UTC day. Raises CatalogError naming the first that does not fit."""
    found: dict[tuple[int, str, tuple[str, ...]], list[Sample]] = {}
    for sample in samples:
        key = (sample.time // DAY_S, sample.measurement, tuple(sample.fields))
        try:
            found[key].append(sample)
        except KeyError:
            check(sample)
            found[key] = [sample]
    days: dict[int, list[Group]] = {}
    for (day, name, fields), group in found.items():
        days.setdefault(day, []).append(_group(name, fields, group))
    return days


def _group(name: str, fields: tuple[str, ...], samples: list[Sample]) -> Group:
    values = [tuple(sample.fields.values()) for sample in samples]
    columns = list(zip(*values, strict=True))
    bounds = [(min(column), max(column)) for column in columns]
    if {len(sample.tags) for sample in samples} != {_WIDTHS[name]} or not all(map(_fit, columns, bounds)):
        for sample in samples:
            check(sample)
    known = tuple(field for field in MEASUREMENTS[name].fields if field in fields)
    if known != fields:
        order = [fields.index(field) for field in known]
        bounds = [bounds[at] for at in order]
        values = list(zip(*(columns[at] for at in order), strict=True))
    return Group(name, known, blocks.codes_of(name, known, bounds), samples, values)


def _fit(column: Sequence[int | float], bounds: blocks.Bounds) -> bool:
    """Whether `catalog.check` finds nothing in any of them: that is several times as quick.

    Tags' values are looked at when they become a series.
    """
    total = sum(column)
    return total - total == 0 and bounds[1] <= _LARGEST and bounds[0] >= -_LARGEST


def commit(day: Volume, series: Series, author: Author, groups: Sequence[Group]) -> None:
    """All of it with its journal row in one transaction; nothing where the author is at `seq` already."""
    try:
        with day.writing():
            batch = _journal(day, author, groups)
            if batch is None:
                return
            series.begin(origin(day))
            for group in groups:
                _store(day, series, group, batch)
    except BaseException:
        series.forget()
        raise


def _store(day: Volume, series: Series, group: Group, batch: int) -> None:
    numbers = series.numbers(day, group.measurement, group.samples)
    times = [sample.time for sample in group.samples]
    rows = by_stripe(numbers, times, group.values)
    place(day, group.measurement, group.fields, group.codes, rows, batch)


def _journal(day: Volume, author: Author, groups: Sequence[Group]) -> int | None:
    """Write the batch's journal row; the answer marks the batch's rows."""
    row = day.execute("SELECT seq FROM writers WHERE writer = ?", (author.writer,)).fetchone()
    last = row[0] if row else 0
    seq = last + 1 if author.seq is None else author.seq
    if seq <= last:
        return None
    day.load(WRITERS, ("writer", "seq"), [(author.writer, seq)], _NEWER)
    (batch,) = day.execute("SELECT coalesce(max(batch), 0) + 1 FROM journal").fetchone()
    times = [sample.time for group in groups for sample in group.samples]
    measurements = " ".join(sorted({group.measurement for group in groups}))
    span = (min(times), max(times), measurements, len(times))
    row = (batch, author.writer, seq, author.shard, author.epoch, *span)
    day.load(JOURNAL, tuple(JOURNAL.columns), [row])
    return int(batch)


_NEWER: Final = "ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq"
