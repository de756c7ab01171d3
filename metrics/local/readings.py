"""What was measured in a window, series by series: from raw rows, or from chunks and what came late."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, Protocol

from metrics.catalog import MEASUREMENTS
from metrics.local import cold_days
from metrics.local.cold_days import Kept
from metrics.local.figures import Cells
from metrics.local.levels import HOUR_S
from metrics.local.schema import Tags, origin, tags_of
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore, day_of
from metrics.local.together import together
from metrics.sink import Window

Row = tuple[Any, ...]
"""Whose it is (of no meaning outside), the time, and then a field each; one nobody measured is None."""
TIME: Final = 1
AT_ONCE: Final = 250
"""So many series of an hour are held in memory at a time; one of a large network is a million readings."""

_time: Final = itemgetter(TIME)


class Readings(Protocol):
    """One measurement of one UTC day, in one state of it."""

    def rows(self, window: Window) -> Iterable[dict[Tags, list[Row]]]:
        """Of every series that has any in the window, oldest first; so many series at a time as fit.

        The window lies in the day.
        """
        ...

    def newest(self, window: Window, wanted: Collection[Tags]) -> dict[Tags, Row]:
        """The newest row of each wanted series with at least one of its counters, where there is one."""
        ...

    def together(self, window: Window, by: Sequence[str]) -> Iterable[tuple[Tags, int, Cells]] | None:
        """The gauges by these tags, with the number of samples; None where only rows can be had."""
        ...

    def firsts(self, window: Window) -> dict[Tags, int]:
        """When each series that has any gave its first sample in the window."""
        ...

    def young(self, window: Window, born: int) -> Iterable[tuple[Tags, int, int]]:
        """Series, time and `uptime_s` of the rows by which the agent began after that moment."""
        ...


@contextmanager
def readings(store: LocalStore, measurement: str, time: int, fields: Sequence[str]) -> Iterator[Readings]:
    """Of the UTC day of `time`; a day of which nothing is kept has none."""
    with ExitStack() as held:
        kept = held.enter_context(cold_days.looking(store, day_of(time)))
        if kept.cold is None and kept.raw is not None:
            yield _Raw(kept.raw, measurement, fields)
        else:
            yield _Late(store, kept, measurement, fields)


def counters_of(measurement: str, fields: Sequence[str]) -> list[str]:
    """Which of these fields only grow."""
    known = MEASUREMENTS[measurement].fields
    return [field for field in fields if known[field].counter]


class _Raw:
    """Rows as they came: they lie by time, so each time is looked up for a few hundred series."""

    def __init__(self, raw: Volume, measurement: str, fields: Sequence[str]) -> None:
        self._tags = _tags_of(raw, measurement)
        self._raw = raw
        self._fields = fields
        self._name = measurement
        self._columns = ", ".join(f"s.{field}" for field in fields)
        self._counters = ", ".join(f"s.{field}" for field in counters_of(measurement, fields))

    def rows(self, window: Window) -> Iterator[dict[Tags, list[Row]]]:
        """See Readings."""
        numbers = list(self._tags)
        at_once = AT_ONCE * HOUR_S // min(window.end - window.start, HOUR_S)
        for first in range(0, len(numbers), at_once):
            some = numbers[first : first + at_once]
            found: dict[int, list[Row]] = {number: [] for number in some}
            for row in self._all(window) if len(some) == len(numbers) else self._some(window, some):
                found[row[0]].append(row)
            for several in found.values():
                several.sort(key=_time)
            yield {self._tags[number]: several for number, several in found.items() if several}

    def _all(self, window: Window) -> Iterable[Row]:
        select = f"SELECT s.series, s.time, {self._columns} FROM {self._name} s WHERE"  # noqa: S608
        return self._raw.execute(f"{select} s.time >= ? AND s.time < ?", (window.start, window.end))

    def _some(self, window: Window, numbers: Sequence[int]) -> Iterable[Row]:
        select = (
            f"{self._slots} SELECT s.series, s.time, {self._columns} FROM slots CROSS JOIN {self._name} s "  # noqa: S608
            "WHERE s.time = slots.time AND s.series >= ? AND s.series <= ?"
        )
        return self._raw.execute(select, (window.start, window.end, window.end, numbers[0], numbers[-1]))

    def together(self, window: Window, by: Sequence[str]) -> Iterator[tuple[Tags, int, Cells]]:
        """See Readings."""
        return together(self._raw, self._name, self._fields, by, window)

    def firsts(self, window: Window) -> dict[Tags, int]:
        """See Readings."""
        select = f"SELECT series, min(time) FROM {self._name} WHERE time >= ? AND time < ? GROUP BY series"  # noqa: S608
        rows = self._raw.execute(select, (window.start, window.end))
        return {self._tags[number]: time for number, time in rows}

    def newest(self, window: Window, wanted: Collection[Tags]) -> dict[Tags, Row]:
        """See Readings."""
        sought = {number for number, tags in self._tags.items() if tags in wanted}
        found: dict[Tags, Row] = {}
        if not sought or not self._counters:
            return found
        slots = self._raw.execute(
            f"{self._slots} SELECT time FROM slots WHERE time < ?",  # noqa: S608
            (window.start, window.end, window.end, window.end),
        )
        for (time,) in sorted(slots, reverse=True):
            if not sought:
                break
            for row in self._at(time, sought):
                found[self._tags[row[0]]] = row
                sought.discard(row[0])
        return found

    def young(self, window: Window, born: int) -> Iterator[tuple[Tags, int, int]]:
        """See Readings."""
        select = (
            f"SELECT series, time, uptime_s FROM {self._name} "  # noqa: S608
            "WHERE time >= ? AND time < ? AND uptime_s < time - ?"
        )
        for number, time, uptime in self._raw.execute(select, (window.start, window.end, born)):
            yield self._tags[number], time, uptime

    def _at(self, time: int, sought: Collection[int]) -> Iterable[Row]:
        some = sorted(sought)
        for first in range(0, len(some), AT_ONCE):
            listed = some[first : first + AT_ONCE]
            yield from self._raw.execute(
                f"SELECT s.series, s.time, {self._columns} FROM {self._name} s WHERE s.time = ? "  # noqa: S608
                f"AND s.series IN ({', '.join('?' * len(listed))}) "
                f"AND coalesce({self._counters}, NULL) IS NOT NULL",
                (time, *listed),
            ).fetchall()

    @property
    def _slots(self) -> str:
        """The times of the window at which there is anything, each found by one look into the key."""
        return (
            f"WITH RECURSIVE slots (time) AS "  # noqa: S608
            f"(SELECT min(time) FROM {self._name} WHERE time >= ? AND time < ? UNION ALL SELECT "
            f"(SELECT min(r.time) FROM {self._name} r WHERE r.time > slots.time AND r.time < ?) "
            f"FROM slots WHERE slots.time IS NOT NULL)"
        )


@lru_cache(maxsize=64)
def _known_tags(_token: str, _measurement: str) -> dict[int, Tags]:
    """Of a volume, filled as its series become known: they only ever become more."""
    return {}


def _tags_of(raw: Volume, measurement: str) -> dict[int, Tags]:
    """The tags of each series by its number, 1, 2, 3 and so on."""
    known = _known_tags(origin(raw), measurement)
    tags = ", ".join(MEASUREMENTS[measurement].tags)
    new = f"SELECT id, {tags} FROM {measurement}_series WHERE id > ? ORDER BY id"  # noqa: S608
    for number, *values in raw.execute(new, (len(known),)).fetchall():
        known[number] = tuple(values)
    return known


class _Late:
    """A day in chunks, with what came since: seldom read, so as samples."""

    def __init__(self, store: LocalStore, kept: Kept, measurement: str, fields: Sequence[str]) -> None:
        self._store = store
        self._kept = kept
        self._name = measurement
        self._fields = fields
        self._counters = [TIME + 1 + fields.index(field) for field in counters_of(measurement, fields)]

    def rows(self, window: Window) -> Iterator[dict[Tags, list[Row]]]:
        """See Readings."""
        if self._kept.cold is not None:
            yield self._rows(window)

    def together(self, window: Window, by: Sequence[str]) -> None:
        """See Readings."""

    def firsts(self, window: Window) -> dict[Tags, int]:
        """See Readings."""
        return {tags: several[0][TIME] for tags, several in self._all(window)}

    def _rows(self, window: Window) -> dict[Tags, list[Row]]:
        found: dict[Tags, list[Row]] = {}
        tags = tags_of(self._name)
        for sample in cold_days.read(self._store, self._kept, self._name, window, {}):
            row = (0, sample.time, *map(sample.fields.get, self._fields))
            found.setdefault(tags(sample), []).append(row)
        return found

    def newest(self, window: Window, wanted: Collection[Tags]) -> dict[Tags, Row]:
        """See Readings."""
        found: dict[Tags, Row] = {}
        for tags, several in self._all(window):
            counted = (row for row in reversed(several) if any(row[at] is not None for at in self._counters))
            newest = next(counted, None)
            if newest is not None and tags in wanted:
                found[tags] = newest
        return found

    def young(self, window: Window, born: int) -> Iterator[tuple[Tags, int, int]]:
        """See Readings."""
        at = TIME + 1 + self._fields.index("uptime_s")
        for tags, several in self._all(window):
            for row in several:
                if row[at] is not None and row[at] < row[TIME] - born:
                    yield tags, row[TIME], row[at]

    def _all(self, window: Window) -> Iterator[tuple[Tags, list[Row]]]:
        for some in self.rows(window):
            yield from some.items()
