"""Rollups: each bucket is derived once it is over, and again whenever a late sample touches it.

From the samples come the hours of the finest level, from those the hours of the levels above (levels.py);
days and months are sums over their hours, in the zone of the municipality. Nothing is ever a mean of means: a
bucket has number, total, least and largest of the values, so every mean is one of all the values in it.

What a figure means:

- A gauge (`clients`, `cpu_pct`) is over samples. In a municipality `clients` has the mean, the least and the
  largest of *one access point's* sample; how many there were at one time is `clients` of `hotspot_mun`.
- `up` is the share of polls that the agent answered. It is not availability: that is `works` of `service`,
  what a citizen met there, and unknown where no probe can run.
- A counter has its growth, in the bucket in which the interval ends, over `known` intervals. Over a restart,
  a step back or more than an hour of silence nothing is known: a gap, never a spike.
- `seen` is how many series gave samples: access points, radios. Over a day it is a gauge of its hours.
- `expected` is how many samples there should have been by the roster of then, `got` how many there are. A
  series that gave none has a bucket with `got` 0, from when it was first asked. `expected` 0 means that
  nobody said: a portal without a visitor gives no sample. `got` may be a little larger than `expected` in the
  hour in which somebody joined the roster.

The hour, day or month that still runs has no bucket; of municipalities the hour is put together from the
buckets of five minutes, which have some of the fields (`levels.SLOT_FIELDS`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from metrics.catalog import MEASUREMENTS
from metrics.local import cold_days
from metrics.local import roster as rosters
from metrics.local.calendar import extent, slot_at, slots_of_month
from metrics.local.deriving import lengthened, levels_above, lifted, measured, measured_of, with_better
from metrics.local.guard_clock import may_drop
from metrics.local.keeping import keep
from metrics.local.levels import DAY_S, HOUR_S, LADDERS, SLOT_FIELDS, SLOT_S, Level, Span
from metrics.local.rollup_tables import BY_ZONE, stored
from metrics.local.rollup_volume import opened
from metrics.local.roster import Roster
from metrics.local.schema import Tags, origin
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore
from metrics.sink import Window

AT_ONCE: Final = 24
"""So many hours without samples are closed by one call: a clock that jumps ahead makes no month of them."""
SLOT_DAYS: Final = 40
"""So long buckets of five minutes are kept."""


class Places(Protocol):
    """What the metrics cannot know of municipalities."""

    def zone_of(self, mun: str) -> str:
        """Its zone's name in the tz database."""
        ...


class Utc:
    """All of them in one zone. See Places."""

    def zone_of(self, mun: str) -> str:
        """See Places."""
        return "UTC"


def roll_up(store: LocalStore, now: int, roster: Roster = Roster(), places: Places = Utc()) -> int:  # noqa: B008
    """Derive what is over and has new samples, and what nobody gave; answer how many hours that were.

    May be called at any time, by anyone: each bucket's slot is one transaction. `roster` is who is asked now.
    """
    work = _Work(store, opened(store), roster, places)
    work.note(now)
    work.derive(Span.SLOT, now // SLOT_S * SLOT_S - SLOT_S, work.slot)
    closed = now // HOUR_S * HOUR_S
    hours = work.derive(Span.HOUR, closed - HOUR_S, work.hour)
    work.derive(Span.DAY, closed, work.longer)
    work.derive(Span.MONTH, closed, work.longer)
    return len(hours)


def trim(store: LocalStore, now: int, hour_days: int) -> None:
    """Drop hours older than this, and older buckets of five minutes; days and months stay for ever.

    An hour stays until its day is derived. After a leap of the clock nothing is dropped for a day.
    """
    if not may_drop(store, now):
        return
    volume = opened(store)
    with volume.writing():
        (first,) = volume.execute("SELECT min(slot) FROM due WHERE span = ?", (Span.DAY.value,)).fetchone()
        hours = min(now // HOUR_S * HOUR_S - hour_days * DAY_S, (2**62 if first is None else first) - DAY_S)
        for measurement, levels in LADDERS.items():
            for level in levels:
                volume.execute(f"DELETE FROM {level.name}_{Span.HOUR} WHERE slot < ?", (hours,))  # noqa: S608
            if measurement in SLOT_FIELDS:
                before = max(hours, now - SLOT_DAYS * DAY_S)
                volume.execute(f"DELETE FROM {levels[-1].name}_{Span.SLOT} WHERE slot < ?", (before,))  # noqa: S608
        rosters.forget(volume, hours)


Derive = Callable[[Span, str, str, int], None]
"""Of a span, measurement, zone and slot."""


Entry = tuple[int, int, int, str]
"""Of a journal: batch, first and last time, measurements."""


class _Work:
    def __init__(self, store: LocalStore, volume: Volume, roster: Roster, places: Places) -> None:
        self._store = store
        self._volume = volume
        self._roster = roster
        self._places = places

    # What is due

    def note(self, now: int) -> None:
        """Everything that a new batch reaches, and the hours that are over since the last call."""
        self._note_samples(now)
        with self._volume.writing():
            rosters.remember(self._volume, self._roster, now)
            for measurement in LADDERS:
                self._note_hours(measurement, now // HOUR_S * HOUR_S)

    def _note_samples(self, now: int) -> None:
        seen = dict(self._volume.execute("SELECT origin, batch FROM seen").fetchall())
        for day in self._store.days():
            token, journal = self._journal(day, seen)
            if not journal:
                continue
            touched = {due for row in journal for due in _touched(row, now)}
            with self._volume.writing():
                for span, measurement, slot in touched:
                    self._due(measurement, span, "", slot)
                self._volume.execute(
                    "INSERT INTO seen (origin, batch) VALUES (?, ?) "
                    "ON CONFLICT (origin) DO UPDATE SET batch = excluded.batch",
                    (token, journal[-1][0]),
                )

    def _journal(self, day: str, seen: Mapping[str, int]) -> tuple[str, list[Entry]]:
        """The day's token and what of its journal is new; nothing of a day that is gone meanwhile."""
        with cold_days.looking(self._store, day) as kept:
            if kept.whole is not None:
                token = origin(kept.whole)
                select = "SELECT batch, first, last, measurements FROM journal WHERE batch > ? ORDER BY batch"
                return token, kept.whole.execute(select, (seen.get(token, 0),)).fetchall()
        return "", []

    def _note_hours(self, measurement: str, closed: int) -> None:
        """Of hours in which somebody was asked; the first call knows of none."""
        row = self._volume.execute("SELECT hour FROM closed WHERE measurement = ?", (measurement,)).fetchone()
        before = closed if row is None else row[0]
        until = min(closed, before + AT_ONCE * HOUR_S)
        for hour in range(before, until, HOUR_S):
            if rosters.anybody(self._volume, measurement, Window(hour, hour + HOUR_S)):
                self._due(measurement, Span.HOUR, "", hour)
        if row is None or until > before:
            self._volume.execute(
                "INSERT INTO closed (measurement, hour) VALUES (?, ?) "
                "ON CONFLICT (measurement) DO UPDATE SET hour = excluded.hour",
                (measurement, until),
            )

    def _due(self, measurement: str, span: Span, zone: str, slot: int) -> None:
        self._volume.execute(
            "INSERT INTO due (measurement, span, zone, slot) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (measurement, span, zone, slot) DO NOTHING",
            (measurement, span.value, zone, slot),
        )

    # What is derived

    def derive(self, span: Span, until: int, one: Derive) -> set[int]:
        """Each slot that is due and over at the hour or slot `until`, oldest first; answer which."""
        rows = self._volume.execute(
            "SELECT measurement, zone, slot FROM due WHERE span = ? AND slot <= ? "
            "ORDER BY slot, measurement, zone",
            (span.value, until),
        ).fetchall()
        done: set[int] = set()
        for measurement, zone, slot in rows:
            if span in BY_ZONE and extent(span, slot, zone).end > until:
                continue
            with self._volume.writing():
                one(span, measurement, zone, slot)
                self._volume.execute(
                    "DELETE FROM due WHERE measurement = ? AND span = ? AND zone = ? AND slot = ?",
                    (measurement, span.value, zone, slot),
                )
            done.add(slot)
        return done

    def slot(self, span: Span, measurement: str, _zone: str, slot: int) -> None:
        """Five minutes of the municipalities."""
        level, window = LADDERS[measurement][-1], Window(slot, slot + SLOT_S)
        fields = SLOT_FIELDS[measurement]
        sums = measured_of(fields, self._store, self._volume, level, window, self._roster)
        keep(self._volume, level, span, slot, sums, window)

    def hour(self, span: Span, measurement: str, _zone: str, slot: int) -> None:
        """The hour of every level, out of samples and of what is kept of the level below."""
        window = Window(slot, slot + HOUR_S)
        finest = LADDERS[measurement][0]
        sums = measured(self._store, self._volume, finest, window, self._roster)
        sums = with_better(sums, stored(self._volume, finest, span, Window(slot, slot + 1)), finest)
        keep(self._volume, finest, span, slot, sums, window)
        for fine, coarse in levels_above(measurement):
            sums = lifted(sums, fine, coarse)
            keep(self._volume, coarse, span, slot, sums, window)
        mun = LADDERS[measurement][-1].by.index("mun")
        for zone in {self._places.zone_of(tags[mun]) for tags in sums.tags}:
            self._due(measurement, Span.DAY, zone, slot_at(Span.DAY, slot, zone))

    def longer(self, span: Span, measurement: str, zone: str, slot: int) -> None:
        """A day out of hours, a month out of days."""
        window = extent(span, slot, zone)
        finer, slots = (Span.HOUR, window) if span is Span.DAY else (Span.DAY, slots_of_month(slot))
        for level in LADDERS[measurement]:
            rows = stored(self._volume, level, finer, slots, self._within(level, zone))
            keep(self._volume, level, span, slot, lengthened(rows, level), window)
        if span is Span.DAY:
            self._due(measurement, Span.MONTH, zone, slot_at(Span.MONTH, window.start, zone))

    def _within(self, level: Level, zone: str) -> Callable[[Tags], bool]:
        """Whether a series of the level lives in the zone."""
        mun = level.by.index("mun")
        return lambda tags: self._places.zone_of(tags[mun]) == zone


def _touched(entry: Entry, now: int) -> Iterator[tuple[Span, str, int]]:
    """A batch reaches as far as a counter's first growth after it, which belongs to where it ends."""
    _, first, last, measurements = entry
    for measurement in measurements.split():
        if measurement not in LADDERS:
            continue
        counters = any(field.counter for field in MEASUREMENTS[measurement].fields.values())
        end = last + (HOUR_S if counters else 0)
        for hour in range(first // HOUR_S * HOUR_S, end + 1, HOUR_S):
            yield Span.HOUR, measurement, hour
        if measurement in SLOT_FIELDS and last > now - SLOT_DAYS * DAY_S:
            for slot in range(first // SLOT_S * SLOT_S, end + 1, SLOT_S):
                yield Span.SLOT, measurement, slot


__all__ = ("Places", "Roster", "Utc", "roll_up", "trim")
