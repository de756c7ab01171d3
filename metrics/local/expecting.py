"""How many samples there should have been in a window, by the turns of the roster."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from metrics.catalog import MEASUREMENTS
from metrics.local.exact import Mask, Numbers, Places, summed
from metrics.local.frames import Integers
from metrics.local.levels import HOUR_S, Level
from metrics.local.numbering import Numbering
from metrics.local.roster import Roster, told, turns
from metrics.local.schema import Tags
from metrics.local.shelf import Volume
from metrics.local.sums import Sums
from metrics.sink import Window

_PLACES: Final = frozenset({"mun", "site", "vendor"})
_STILL: Final = 2**40


class Given(NamedTuple):
    """Series that have samples in a window, and when each gave its first one.

    `begun` is when the store's very first sample was taken: before it nobody asked anybody.
    """

    numbering: Numbering
    series: Integers
    first: Integers
    begun: Callable[[], int]


def expected(volume: Volume, roster: Roster, level: Level, window: Window, given: Given) -> list[Sums]:
    """Samples that there should be in the window, by the turns of each series.

    One without a turn should have what `otherwise` says, from its first sample on where another series of the
    same thing came before it (it was moved meanwhile), and until the first of the next one.
    """
    asked = _asked(volume, level.measurement)
    numbers, turned = asked.numbers(window)
    found = [_by_level(level, asked.numbering, numbers, turned)]
    known = asked.places(given.numbering)[given.series]
    others = ~np.append(turned, np.False_)[known]
    if others.any():
        found.append(_otherwise(roster, level, window, given, others))
    return found


class _Asked:
    """Every turn that is remembered of a measurement; `numbering` is of those who had one."""

    def __init__(self, several: Iterable[tuple[Tags, int, int | None, int]]) -> None:
        self.numbering = Numbering()
        rows = [
            (self.numbering.number(tags), since, _STILL if until is None else until, hourly)
            for tags, since, until, hourly in several
        ]
        self._at, self._since, self._until, self._hourly = np.array(rows, np.int64).reshape(-1, 4).T
        self._places: tuple[Numbering | None, Places] = (None, np.zeros(0, np.intp))

    def numbers(self, window: Window) -> tuple[Numbers, Mask]:
        """By number, how many samples there should be and whether there was a turn, or some of it."""
        inside = np.flatnonzero((self._since < window.end) & (self._until > window.start))
        since = np.maximum(self._since[inside], window.start)
        until = np.minimum(self._until[inside], window.end)
        at, size = self._at[inside], self.numbering.size
        turned = np.zeros(size, bool)
        turned[at] = True
        return summed(at, _samples(since, until, self._hourly[inside]), size), turned

    def places(self, others: Numbering) -> Places:
        """The numbers here of the series there, by theirs. Remembered: mostly it is the same day's again."""
        of, places = self._places
        if of is not others or len(places) != others.size:
            places = self.numbering.numbers(others.all())
            self._places = (others, places)
        return places


def _samples(since: Any, until: Any, hourly: Any) -> Any:
    """Reckoned from the epoch: the parts of an hour, each rounded, add up to the hour."""
    return until * hourly // HOUR_S - since * hourly // HOUR_S


def _asked(volume: Volume, measurement: str) -> _Asked:
    token = told(volume)
    if not token:
        return _Asked(turns(volume, measurement))
    kept = _kept(token, measurement)
    if not kept:
        kept.append(_Asked(turns(volume, measurement)))
    return kept[0]


@lru_cache(maxsize=8)
def _kept(_token: str, _measurement: str) -> list[_Asked]:
    """What was read as the roster was told like this."""
    return []


def _by_level(level: Level, numbering: Numbering, numbers: Numbers, turned: Mask) -> Sums:
    groups = numbering.groups(level.places)
    at = groups.at[turned]
    present, place = np.unique(at, return_inverse=True)
    found = Sums.nothing([groups.tags[group] for group in present.tolist()])
    found.expected = summed(place, numbers[turned], len(present))
    return found


def _otherwise(roster: Roster, level: Level, window: Window, given: Given, untold: Mask) -> Sums:
    """Of the series that have samples and no turn."""
    tags = given.numbering.tags(given.series)
    first = dict(zip(tags, given.first.tolist(), strict=True))
    others = {one for one, is_other in zip(tags, untold.tolist(), strict=True) if is_other}
    begun = max(window.start, given.begun())
    found: dict[Tags, int] = {}
    for several in _same(level.measurement, first):
        begins = [begun, *(first[one] for one in several[1:]), window.end]
        for one, since, until in zip(several, begins, begins[1:]):  # noqa: B905
            if one in others:
                by = tuple([one[place] for place in level.places])
                number = _samples(since, until, roster.otherwise(level.measurement, one))
                found[by] = found.get(by, 0) + number
    sums = Sums.nothing(list(found))
    sums.expected = np.array(list(found.values()), np.int64)
    return sums


def _same(measurement: str, first: dict[Tags, int]) -> Iterable[list[Tags]]:
    """The series that differ only by where the thing is, in the order of their first samples."""
    tags = MEASUREMENTS[measurement].tags
    own = [at for at, tag in enumerate(tags) if tag not in _PLACES] if "ap" in tags else range(len(tags))
    found: dict[Tags, list[Tags]] = {}
    for series in sorted(first, key=lambda series: (first[series], series)):
        found.setdefault(tuple(series[at] for at in own), []).append(series)
    return found.values()
