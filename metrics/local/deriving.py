"""One bucket of every series of a measurement, out of its samples or out of finer buckets."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from operator import itemgetter

from metrics.catalog import MEASUREMENTS
from metrics.local.counters import LONGEST_SILENCE_S
from metrics.local.figures import merge, packing
from metrics.local.levels import LADDERS, SEEN, Level
from metrics.local.readings import TIME, Readings, Row, readings
from metrics.local.restarts import by_day, restarts
from metrics.local.rollup_tables import Stored, Sum
from metrics.local.roster import Roster, expected
from metrics.local.schema import Tags
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore, day_of
from metrics.local.summing import Summing
from metrics.sink import Window


def measured(
    store: LocalStore, volume: Volume, level: Level, window: Window, roster: Roster
) -> dict[Tags, Sum]:
    """What the samples of a window within one UTC day give, by the level's tags.

    Who was asked and gave none has a row too, with `got` 0.
    """
    return _Window(store, level, MEASUREMENTS[level.measurement].fields, window).sums(volume, roster)


def measured_of(
    fields: Collection[str], store: LocalStore, volume: Volume, level: Level, window: Window, roster: Roster
) -> dict[Tags, Sum]:
    """The same of some fields only."""
    return _Window(store, level, fields, window).sums(volume, roster)


class _Window:
    def __init__(self, store: LocalStore, level: Level, fields: Collection[str], window: Window) -> None:
        tags = MEASUREMENTS[level.measurement].tags
        self._store = store
        self._level = level
        self._window = window
        self._summing = Summing(level.measurement, fields)
        self._by = _picked([tags.index(tag) for tag in level.by])
        self._ap = tags.index("ap") if "ap" in tags else 0
        self._seen = 0 if level.whole else 1
        self._first: dict[Tags, int] = {}
        self._found: dict[Tags, Sum] = {}

    def sums(self, volume: Volume, roster: Roster) -> dict[Tags, Sum]:
        self._read()
        number = expected(volume, roster, self._level.measurement, self._window, self._first)
        for tags, samples in number.items():
            self._sum(self._by(tags)).expected += samples
        return {tags: _named(one) for tags, one in self._found.items()}

    def _read(self) -> None:
        name, window = self._level.measurement, self._window
        earlier = Window(window.start - LONGEST_SILENCE_S, window.start)
        begun = restarts(self._store, Window(earlier.start, window.end)) if self._asks_the_device else {}
        with ExitStack() as held:
            day = held.enter_context(readings(self._store, name, window.start, self._summing.fields))
            if self._add_together(day):
                return
            before = (
                [(part, self._of(held, day, part)) for part in reversed(list(by_day(earlier)))]
                if self._summing.counters
                else []
            )
            for several in day.rows(window):
                self._add(several, before, begun)

    def _add_together(self, day: Readings) -> bool:
        """Whether it was to be had without rows: gauges of which nobody keeps the series."""
        if self._summing.counters or len(self._level.by) > 1:
            return False
        sums = day.together(self._window, self._level.by)
        if sums is None:
            return False
        for by, got, cells in sums:
            self._found[by] = Sum(0, got, 0, cells)
        self._first = day.firsts(self._window)
        for tags in self._first:
            self._sum(self._by(tags)).seen += self._seen
        return True

    def _of(self, held: ExitStack, day: Readings, part: Window) -> Readings:
        """Another day's, or the one that is open."""
        if day_of(part.start) == day_of(self._window.start):
            return day
        return held.enter_context(
            readings(self._store, self._level.measurement, part.start, self._summing.fields)
        )

    @property
    def _asks_the_device(self) -> bool:
        """Counters without an uptime beside them begin anew when their device does."""
        return self._summing.counters and not self._summing.clock

    def _add(
        self,
        several: Mapping[Tags, list[Row]],
        before: Sequence[tuple[Window, Readings]],
        begun: Mapping[str, list[int]],
    ) -> None:
        last: dict[Tags, Row] = {}
        for part, source in before:
            last |= source.newest(part, several.keys() - last.keys())
        together: dict[Tags, list[Row]] = {}
        for tags, rows in several.items():
            by = self._by(tags)
            together.setdefault(by, []).extend(rows)
            self._first[tags] = rows[0][TIME]
            one = self._sum(by)
            one.seen += self._seen
            if self._summing.counters:
                restarted = begun.get(tags[self._ap], ()) if begun else ()
                merge(one.cells, self._summing.grown(rows, last.get(tags), restarted))
        for by, rows in together.items():
            one = self._sum(by)
            one.got += len(rows)
            merge(one.cells, self._summing.gauges(rows))

    def _sum(self, by: Tags) -> Sum:
        one = self._found.get(by)
        if one is None:
            one = self._found[by] = Sum()
        return one


def _picked(places: Sequence[int]) -> Callable[[Tags], Tags]:
    """How tags become those at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    (place,) = places
    return lambda tags: (tags[place],)


def _named(one: Sum) -> Sum:
    """How many series were seen is a figure too."""
    if one.seen:
        one.cells[SEEN] = (1, one.seen, one.seen, one.seen)
    return one


def with_better(sums: dict[Tags, Sum], rows: Iterable[Stored], level: Level) -> dict[Tags, Sum]:
    """Where a row that is kept had more samples, it is better: raw ones were dropped since."""
    unpack = packing(level.measurement).unpack
    for row in rows:
        one = sums.get(row.tags)
        if one is None or one.got < row.got:
            sums[row.tags] = Sum(row.expected, row.got, 0, unpack(row.figures, row.got))
    return sums


def lifted(sums: Mapping[Tags, Sum], fine: Level, coarse: Level) -> dict[Tags, Sum]:
    """Those of one slot, summed up by fewer tags."""
    by = _picked([fine.by.index(tag) for tag in coarse.by])
    found: dict[Tags, Sum] = {}
    for tags, part in sums.items():
        one = found.setdefault(by(tags), Sum())
        one.expected += part.expected
        one.got += part.got
        one.seen += part.cells[SEEN][1] if SEEN in part.cells else int(fine.whole and part.got > 0)
        merge(one.cells, part.cells)
    return {tags: _named(one) for tags, one in found.items()}


def lengthened(rows: Iterable[Stored], level: Level) -> dict[Tags, Sum]:
    """The rows of several slots, summed up over them."""
    unpack = packing(level.measurement).unpack
    found: dict[Tags, Sum] = {}
    for row in rows:
        one = found.setdefault(row.tags, Sum())
        one.expected += row.expected
        one.got += row.got
        merge(one.cells, unpack(row.figures, row.got))
    return found


def levels_above(measurement: str) -> list[tuple[Level, Level]]:
    """Each level with the one that is summed up from it."""
    levels = LADDERS[measurement]
    return list(pairwise(levels))
