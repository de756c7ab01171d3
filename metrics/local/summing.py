"""Figures out of rows: gauges of any number of series together, counters of each series by its growth."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local.counters import gaps, growth
from metrics.local.figures import FINE, Cell, Cells
from metrics.local.readings import TIME, Row, counters_of

UPTIME: Final = "uptime_s"


class Summing:
    """How rows of these fields of a measurement become figures.

    `fields` is what rows have to hold after series and time, `counters` whether some of it only grows,
    `clock` whether the agent's uptime is beside that.
    """

    def __init__(self, measurement: str, fields: Collection[str]) -> None:
        known = MEASUREMENTS[measurement].fields
        counters = counters_of(measurement, list(fields))
        self.counters = bool(counters)
        self.clock = self.counters and UPTIME in known
        self.fields = tuple(dict.fromkeys((*fields, UPTIME) if self.clock else fields))
        at = {field: TIME + number for number, field in enumerate(self.fields, 1)}
        self._gauges = [
            (field, at[field], known[field].kind is Kind.FLOAT) for field in fields if field not in counters
        ]
        self._counters = [(field, at[field]) for field in counters]
        self._clock = at.get(UPTIME, 0)

    def gauges(self, rows: Sequence[Row]) -> Cells:
        """Number, total, least and largest of what is known."""
        columns = list(zip(*rows))  # noqa: B905
        found: Cells = {}
        for field, at, real in self._gauges:
            cell = _gauge(columns[at], real)
            if cell is not None:
                found[field] = cell
        return found

    def grown(self, rows: Sequence[Row], before: Row | None, restarts: Sequence[int] = ()) -> Cells:
        """What one series' counters grew, rows oldest first. An interval counts where it ends.

        `before` is the last reading of counters before these, `restarts` are known from elsewhere.
        """
        columns = self._known(rows, before)
        times = columns[TIME] if columns else ()
        if len(times) < 2:  # an interval has two ends
            return {}
        unknown = gaps(times, columns[self._clock] if self.clock else None, restarts)
        found: Cells = {}
        for field, at in self._counters:
            intervals, total = growth(columns[at], unknown)
            if intervals:
                found[field] = (intervals, total, None, None)
        return found

    def _known(self, rows: Sequence[Row], before: Row | None) -> list[Sequence[Any]]:
        """The columns of the rows in which there is any counter."""
        columns: list[Sequence[Any]] = list(zip(*rows if before is None else (before, *rows)))  # noqa: B905
        if any(None in columns[at] for _, at in self._counters):
            kept = [row for row in rows if any(row[at] is not None for _, at in self._counters)]
            columns = list(zip(*kept if before is None else (before, *kept)))  # noqa: B905
        return columns


def _gauge(column: Sequence[Any], real: bool) -> Cell | None:
    """None where nobody measured it."""
    if None in column:
        column = [value for value in column if value is not None]
        if not column:
            return None
    known, least, most = len(column), min(column), max(column)
    if not real:
        return known, known * least if least == most else sum(column), least, most
    least, most = round(least * FINE), round(most * FINE)
    # rounded each by itself, a total may come to lie outside of what its values allow
    return known, min(max(round(sum(column) * FINE), known * least), known * most), least, most
