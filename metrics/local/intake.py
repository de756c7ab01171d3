"""The way of a batch into its day: checked, its series numbered, its rows and its journal row written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.local.schema import JOURNAL, WRITERS, on_conflict, origin, samples_table
from metrics.local.series import Series
from metrics.local.shelf import Volume
from metrics.sample import Sample

DAY_S: Final = 86_400
_LARGEST: Final = 2**63 - 1
_SAMPLES: Final = {m.name: samples_table(m) for m in MEASUREMENTS.values()}
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
    """Samples of one measurement and day that know the same fields, and their values, a tuple for each."""

    measurement: str
    fields: tuple[str, ...]
    samples: list[Sample]
    values: list[tuple[int | float, ...]]


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
        values = [tuple(sample.fields.values()) for sample in group]
        if not _fit(name, group, values):
            for sample in group:
                check(sample)
        days.setdefault(day, []).append(Group(name, fields, group, values))
    return days


def _fit(name: str, group: Sequence[Sample], values: Sequence[Sequence[int | float]]) -> bool:
    """Whether `catalog.check` finds nothing in any of them, column by column: that is several times as quick.

    Tags' values are looked at when they become a series.
    """
    if {len(sample.tags) for sample in group} != {_WIDTHS[name]}:
        return False
    return all(
        (total := sum(column)) - total == 0 and max(column) <= _LARGEST and min(column) >= -_LARGEST
        for column in zip(*values, strict=True)
    )


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
    rows = [
        (sample.time, number, batch, *values)
        for sample, number, values in zip(group.samples, numbers, group.values, strict=True)
    ]
    columns = ("time", "series", "batch", *group.fields)
    day.load(_SAMPLES[group.measurement], columns, rows, on_conflict(group.measurement, group.fields))


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
