"""Gauges of many series at once, summed up by the database: for buckets of which nobody keeps the series."""

from collections.abc import Iterator, Sequence
from typing import Final

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local.figures import FINE, Cells
from metrics.local.schema import Tags
from metrics.local.shelf import Volume
from metrics.sink import Window

_EACH: Final = 4


def together(
    raw: Volume, measurement: str, fields: Sequence[str], by: Sequence[str], window: Window
) -> Iterator[tuple[Tags, int, Cells]]:
    """By these tags how many samples there are, and the figures of their gauges."""
    tags = ", ".join(f"t.{tag}" for tag in by)
    # totals as doubles: nine of the largest whole numbers would be too large for a database
    figures = ", ".join(
        f"count(s.{field}), sum(s.{field} * 1.0), min(s.{field}), max(s.{field})" for field in fields
    )
    select = (
        f"SELECT {tags}, count(*), {figures} FROM {measurement} s "  # noqa: S608
        f"JOIN {measurement}_series t ON t.id = s.series WHERE s.time >= ? AND s.time < ? GROUP BY {tags}"
    )
    known = MEASUREMENTS[measurement].fields
    for row in raw.execute(select, (window.start, window.end)):
        values, got, numbers = row[: len(by)], row[len(by)], row[len(by) + 1 :]
        cells: Cells = {}
        for place, field in enumerate(fields):
            count, total, least, most = numbers[place * _EACH : (place + 1) * _EACH]
            if count:
                scale = FINE if known[field].kind is Kind.FLOAT else 1
                least, most = round(least * scale), round(most * scale)
                total = min(max(round(total * scale), count * least), count * most)
                cells[field] = (count, total, least, most)
        yield tuple(values), got, cells
