"""Writes the buckets of a slot."""

from collections.abc import Iterable

from metrics.local.levels import Level, Span
from metrics.local.packing import pack
from metrics.local.rollup_tables import BY_ZONE, buckets_table, series_of, series_table
from metrics.local.schema import Tags
from metrics.local.shelf import Table, Volume
from metrics.local.sums import Sums
from metrics.sink import Window


def keep(volume: Volume, level: Level, span: Span, slot: int, sums: Sums, window: Window) -> None:
    """A row per set of tags; a day or month has its window beside it. Within a write transaction.

    Fewer samples than before mean that raw ones were dropped since: then the old bucket is better.
    """
    numbers = numbered(volume, level, sums.tags)
    table = buckets_table(level, span)
    extent = (window.start, window.end) if span in BY_ZONE else ()
    rows = [
        (slot, number, expected, got, *extent, figures)
        for number, expected, got, figures in zip(
            map(numbers.__getitem__, sums.tags),
            sums.expected.tolist(),
            sums.got.tolist(),
            pack(level.measurement, sums),
            strict=True,
        )
    ]
    volume.load(table, tuple(table.columns), rows, _better(table))


def _better(table: Table) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in table.columns if name not in table.key)
    return f"ON CONFLICT (slot, series) DO UPDATE SET {changed} WHERE excluded.got >= {table.name}.got"


def numbered(volume: Volume, level: Level, wanted: Iterable[Tags]) -> dict[Tags, int]:
    """The numbers of the level's series; new ones get theirs. Within a write transaction."""
    known = series_of(volume, level)
    fresh = [tags for tags in wanted if tags not in known]
    first = max(known.values(), default=0) + 1
    added = {tags: first + number for number, tags in enumerate(fresh)}
    table = series_table(level)
    volume.load(table, tuple(table.columns), [(number, *tags) for tags, number in added.items()])
    return known | added
