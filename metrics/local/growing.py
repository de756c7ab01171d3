"""How much the counters of many series grew, by the rules of counters.py, all intervals at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.local.counters import LONGEST_SILENCE_S, SLACK_S, UPTIME_WRAP_S
from metrics.local.exact import Mask, Numbers, Places, summed, wide
from metrics.local.frames import Frame, Integers, begins
from metrics.local.restarts import UPTIME, Restarts
from metrics.local.sums import Column


@dataclass(frozen=True, slots=True)
class Begun:
    """When devices began anew, and the device of each series by its number."""

    restarts: Restarts
    devices: Places


class Growing:
    """What happened from one reading of counters to the next one of the same series.

    `before` has the last reading of counters before those of the frame, of each series that has one.
    """

    def __init__(self, frame: Frame, before: Frame, counters: Sequence[str], begun: Begun | None) -> None:
        self._frame = frame
        self._before = before
        self._rows = frame.known(counters)
        self._earlier = before.known(counters)
        self._begin, self._end = self._intervals()
        series, times = self._both(frame.series, before.series), self._both(frame.times, before.times)
        self._series = series[self._end]
        self._went_on = self._known(times, begun)

    def _intervals(self) -> tuple[Places, Places]:
        """The places of both ends, where first the earlier readings come and then the frame's."""
        of, earlier = self._frame.series[self._rows], self._before.series[self._earlier]
        inside = np.flatnonzero(of[1:] == of[:-1]) + len(earlier)
        first = begins(of)
        place = np.searchsorted(earlier, of[first])
        place[place == len(earlier)] = 0
        there = earlier[place] == of[first] if len(earlier) else np.zeros(len(first), bool)
        begin, end = place[there], first[there] + len(earlier)
        return np.concatenate((begin, inside)), np.concatenate((end, inside + 1))

    def _both(self, values: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate((before[self._earlier], values[self._rows]))

    def _field(self, field: str) -> tuple[Numbers, Mask | None]:
        """The same of a field, and where it is known; None = everywhere."""
        values, known = self._frame.spread(field, self._rows)
        earlier, known_earlier = self._before.spread(field, self._earlier)
        both = np.concatenate((earlier, values))
        if known is None and known_earlier is None:
            return both, None
        parts = ((known_earlier, len(earlier)), (known, len(values)))
        return both, np.concatenate([np.ones(size, bool) if of is None else of for of, size in parts])

    def _known(self, times: Integers, begun: Begun | None) -> Mask:
        """A device that went on has the uptime it had and the time between; after a restart it has less."""
        begin, end = self._begin, self._end
        elapsed = times[end] - times[begin]
        found: Mask = elapsed <= LONGEST_SILENCE_S
        if begun is not None:
            devices = begun.devices[self._series]
            return found & ~begun.restarts.between(devices, times[begin], times[end])
        uptimes, known = self._field(UPTIME)
        uptimes = wide(uptimes, 4)
        missing = uptimes[begin] + elapsed - uptimes[end]
        went_on = (missing <= SLACK_S) | (np.abs(missing - UPTIME_WRAP_S) <= SLACK_S)
        if known is not None:
            went_on |= ~(known[begin] & known[end])
        found &= went_on.astype(bool)
        return found

    def grown(self, counter: str, groups: Places, size: int) -> Column:
        """Of a counter, by the group of each series; across a gap or a step back nothing: never a spike."""
        values, known = self._field(counter)
        begin, end = values[self._begin], values[self._end]
        counts = self._went_on & (end >= begin)
        if known is not None:
            counts &= known[self._begin] & known[self._end]
        at = groups[self._series[counts]]
        total = summed(at, wide(end[counts], 2) - wide(begin[counts], 2), size)
        return Column(np.bincount(at, minlength=size), total)
