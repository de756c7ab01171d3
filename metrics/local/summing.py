"""Figures out of frames: gauges of any number of series together, counters of each series by its growth."""

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local.exact import Numbers, Places, rounded, summed, wide
from metrics.local.figures import FINE
from metrics.local.frames import Column as Values
from metrics.local.frames import Frame, begins
from metrics.local.growing import Begun, Growing
from metrics.local.numbering import Groups
from metrics.local.readings import counters_of
from metrics.local.restarts import UPTIME
from metrics.local.sums import Bounds, Column, Sums

_NOWHERE: Final = -1

Reals = NDArray[np.float64]


class Summing:
    """How frames of these fields of a measurement become sums.

    `fields` is what frames have to have, `counters` what of it only grows, `clock` whether the agent's uptime
    is beside that.
    """

    def __init__(self, measurement: str, fields: Collection[str]) -> None:
        known = MEASUREMENTS[measurement].fields
        self.counters = counters_of(measurement, list(fields))
        self.clock = bool(self.counters) and UPTIME in known
        self.fields = tuple(dict.fromkeys((*fields, UPTIME) if self.clock else fields))
        self._gauges = [
            (field, known[field].kind is Kind.FLOAT) for field in fields if field not in self.counters
        ]

    def sums(self, frame: Frame, groups: Groups, before: Frame, begun: Begun | None) -> Sums:
        """By the groups of the series; an interval of a counter counts where it ends. See Growing."""
        reckoning = _Frame(frame, groups)
        found = reckoning.counted()
        for field, real in self._gauges:
            values = frame.columns.get(field)
            if values is not None:
                found.columns[field] = reckoning.gauge(values, real=real)
        if self.counters:
            growing = Growing(frame, before, self.counters, begun)
            for field in self.counters:
                if field in frame.columns:
                    found.columns[field] = growing.grown(field, reckoning.places, reckoning.size)
        return found


class _Runs(NamedTuple):
    """Rows of the same series: where each begins, how many there are, and the places of runs and of rows."""

    first: Places
    lengths: Places
    at: Places
    of_rows: Places


class _Frame:
    def __init__(self, frame: Frame, groups: Groups) -> None:
        self._series = frame.series
        present = np.unique(groups.at[frame.series[begins(frame.series)]])
        self._tags = [groups.tags[group] for group in present.tolist()]
        self.size = len(present)
        place = np.full(len(groups.tags) + 1, _NOWHERE, np.intp)
        place[present] = np.arange(self.size)
        self.places = place[groups.at]
        self._runs: dict[int, _Runs] = {}

    def counted(self) -> Sums:
        """How many rows there are, and of how many series."""
        runs = self._of(None)
        found = Sums.nothing(self._tags)
        found.got = summed(runs.at, runs.lengths, self.size)
        found.seen = np.bincount(runs.at, minlength=self.size)
        return found

    def _of(self, rows: Places | None) -> _Runs:
        if id(rows) not in self._runs:
            series = self._series if rows is None else self._series[rows]
            first = begins(series)
            lengths = np.diff(first, append=len(series))
            at = self.places[series[first]]
            self._runs[id(rows)] = _Runs(first, lengths, at, np.repeat(at, lengths))
        return self._runs[id(rows)]

    def gauge(self, column: Values, *, real: bool) -> Column:
        """Number, total, least and largest of what is known."""
        runs, values = self._of(column.rows), column.values
        known = summed(runs.at, runs.lengths, self.size)
        least, most = np.zeros(self.size, values.dtype), np.zeros(self.size, values.dtype)
        least[runs.at], most[runs.at] = values[runs.first], values[runs.first]
        np.minimum.at(least, runs.at, np.minimum.reduceat(values, runs.first))
        np.maximum.at(most, runs.at, np.maximum.reduceat(values, runs.first))
        if real:
            whole = np.bincount(runs.of_rows, values, self.size).astype(np.float64)
            return _in_hundredths(known, whole, least, most, len(values))
        total = summed(runs.at, np.add.reduceat(wide(values, len(values)), runs.first), self.size)
        return Column(known, total, Bounds(least, most, np.ones(self.size, bool)))


def _in_hundredths(known: Numbers, total: Reals, least: Reals, most: Reals, times: int) -> Column:
    """Rounded each by itself, a total may come to lie outside of what its values allow."""
    lowest, highest = rounded(least * FINE, times), rounded(most * FINE, times)
    within = np.minimum(np.maximum(rounded(total * FINE, 1), known * lowest), known * highest)
    return Column(known, within, Bounds(lowest, highest, np.ones(len(known), bool)))
