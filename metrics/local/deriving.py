"""One bucket of every series of a measurement, out of its samples or out of finer buckets."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice, pairwise
from typing import Final

import numpy as np

from metrics.catalog import MEASUREMENTS
from metrics.local.counters import LONGEST_SILENCE_S
from metrics.local.expecting import Given, expected
from metrics.local.frames import NONE, Frame, begins, renumbered, stacked
from metrics.local.growing import Begun
from metrics.local.levels import LADDERS, SEEN, Level, by_day
from metrics.local.numbering import NOBODY, Numbering, picked
from metrics.local.packing import unpack
from metrics.local.readings import Readings, readings
from metrics.local.restarts import Restarts, restarts
from metrics.local.rollup_tables import Stored
from metrics.local.roster import Roster
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore, day_of
from metrics.local.summing import Summing
from metrics.local.sums import Sums, by_tags, joined, merged, named
from metrics.sink import Window

_AT_ONCE: Final = 2**13
"""So many stored rows are unpacked at a time."""

_Part = tuple[Window, Readings]


def measured(store: LocalStore, volume: Volume, level: Level, window: Window, roster: Roster) -> Sums:
    """What the samples of a window within one UTC day give, by the level's tags.

    Who was asked and gave none has a row too, with `got` 0.
    """
    return _Window(store, level, MEASUREMENTS[level.measurement].fields, window).sums(volume, roster)


def measured_of(
    fields: Collection[str], store: LocalStore, volume: Volume, level: Level, window: Window, roster: Roster
) -> Sums:
    """The same of some fields only."""
    return _Window(store, level, fields, window).sums(volume, roster)


class _Window:
    def __init__(self, store: LocalStore, level: Level, fields: Collection[str], window: Window) -> None:
        self._store = store
        self._level = level
        self._window = window
        self._summing = Summing(level.measurement, fields)
        self._begun: Begun | None = None
        self._found: list[Sums] = []
        self._given = [(NONE, NONE)]

    def sums(self, volume: Volume, roster: Roster) -> Sums:
        numbering = self._read()
        series, first = (np.concatenate(some) for some in zip(*self._given, strict=True))
        given = Given(numbering, series, first, self._store.begun)
        asked = expected(volume, roster, self._level, self._window, given)
        found = merged([*self._found, *asked])
        return found if self._level.whole else named(found)

    def _read(self) -> Numbering:
        name, window = self._level.measurement, self._window
        numbering = Numbering()
        earlier = Window(window.start - LONGEST_SILENCE_S, window.start)
        begun = restarts(self._store, Window(earlier.start, window.end)) if self._asks_the_device else None
        with ExitStack() as held:
            day = held.enter_context(readings(self._store, name, window.start, self._summing.fields))
            numbering = day.numbering
            before = list(self._earlier(held, day, earlier)) if self._summing.counters else []
            for frame in day.frames(window):
                self._add(frame, _before(frame, day, before), numbering, begun)
        return numbering

    @property
    def _asks_the_device(self) -> bool:
        """Counters without an uptime beside them begin anew when their device does."""
        return bool(self._summing.counters) and not self._summing.clock

    def _earlier(self, held: ExitStack, day: Readings, window: Window) -> Iterator[_Part]:
        """The parts of the window before, the newest first, each of its day or of the one that is open."""
        for part in reversed(list(by_day(window))):
            if day_of(part.start) == day_of(self._window.start):
                yield part, day
            else:
                name, fields = self._level.measurement, self._summing.fields
                yield part, held.enter_context(readings(self._store, name, part.start, fields))

    def _add(self, frame: Frame, before: Frame, numbering: Numbering, begun: Restarts | None) -> None:
        if begun is not None and (self._begun is None or len(self._begun.devices) < numbering.size):
            self._begun = Begun(begun, begun.of(self._level.measurement, numbering))
        groups = numbering.groups(self._level.places)
        self._found.append(self._summing.sums(frame, groups, before, self._begun))
        first = begins(frame.series)
        self._given.append((frame.series[first], frame.times[first]))


def _before(frame: Frame, day: Readings, earlier: Iterable[_Part]) -> Frame:
    """The newest row with a counter before the frame of each of its series, as they are numbered there."""
    found: list[Frame] = []
    missing = frame.series[begins(frame.series)]
    for part, source in earlier:
        if source is day:
            rows = source.newest(part, missing)
        else:
            theirs = source.numbers(day.numbering.tags(missing))
            rows = source.newest(part, np.sort(theirs[theirs != NOBODY]))
            rows = renumbered(rows, day.numbering.numbers(source.numbering.tags(rows.series)))
        found.append(rows)
        missing = np.setdiff1d(missing, rows.series)
    return found[0] if len(found) == 1 else stacked(found)


def with_better(sums: Sums, rows: Iterable[Stored], level: Level) -> Sums:
    """Where a row that is kept had more samples, it is better: raw ones were dropped since."""
    got = dict(zip(sums.tags, sums.got.tolist(), strict=True))
    better = [row for row in rows if got.get(row.tags, NOBODY) < row.got]
    if not better:
        return sums
    replaced = {row.tags for row in better}
    kept = np.array([tags not in replaced for tags in sums.tags], bool)
    return joined([sums.taken(kept), _unpacked(better, level)])


def lifted(sums: Sums, fine: Level, coarse: Level) -> Sums:
    """Those of one slot, summed up by fewer tags."""
    seen = sums.columns.get(SEEN)
    one_each = (sums.got > 0).astype(np.int64) if fine.whole else np.zeros(len(sums.tags), np.int64)
    counted = one_each if seen is None else np.where(seen.known > 0, seen.total, one_each)
    key = picked(tuple(fine.by.index(tag) for tag in coarse.by))
    return named(by_tags(replace(sums, seen=counted), key))


def lengthened(rows: Iterable[Stored], level: Level) -> Sums:
    """The rows of several slots, summed up over them."""
    found = Sums.nothing([])
    several = iter(rows)
    while some := list(islice(several, _AT_ONCE)):
        found = merged([found, _unpacked(some, level)])
    return found


def _unpacked(rows: Sequence[Stored], level: Level) -> Sums:
    """As they lie there."""
    whole = Sums.nothing([row.tags for row in rows])
    whole.expected = np.array([row.expected for row in rows], np.int64)
    whole.got = np.array([row.got for row in rows], np.int64)
    return unpack(level.measurement, whole, [row.figures for row in rows])


def levels_above(measurement: str) -> list[tuple[Level, Level]]:
    """Each level with the one that is summed up from it."""
    levels = LADDERS[measurement]
    return list(pairwise(levels))
