"""Questions to the store: figures by place and time, each with how much of it is known."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError, QuestionEmpty, QuestionTooLarge
from metrics.local.buckets import Bucket, buckets
from metrics.local.calendar import extent, slot_at
from metrics.local.levels import DAY_S, LADDERS, SLOT_FIELDS, Span, level_of
from metrics.local.store import LocalStore
from metrics.query_cells import Cell, Found
from metrics.query_samples import as_they_came
from metrics.question import STEPS_S, Answer, Question, Row, Statistic
from metrics.sink import Window

MOST_ROWS: Final = 500_000
_NOON_S: Final = DAY_S // 2
_AT_ONCE_S: Final = {Span.SLOT: DAY_S, Span.HOUR: DAY_S, Span.DAY: 31 * DAY_S, Span.MONTH: 10**6 * DAY_S}
"""So much of rollups is read at a time, so that what is too large is refused before it is in memory."""

ZoneOf = Callable[[str], str]
"""The zone of a municipality, by its key."""


def in_utc(_municipality: str) -> str:
    """Where nobody knows the zones."""
    return "UTC"


def ask(store: LocalStore, question: Question, now: int, zone_of: ZoneOf = in_utc) -> Answer:
    """The answer, series by series; nothing is told of what is yet to come.

    Raises CatalogError, QuestionEmpty, QuestionTooLarge and StoreUnusable.
    """
    _check(question)
    asked = replace(question, window=_whole(question, now))
    days = _Days(asked)
    slots = len(days.of(("UTC",)))
    found: Found = {}
    zones: dict[tuple[str, ...], Counter[str]] = {}
    parts = _rolled_up(store, asked, zone_of, found, zones) if isinstance(asked.bucket, Span) else None
    for _ in parts or as_they_came(store, asked, found):
        if slots * len(found) > MOST_ROWS:
            raise QuestionTooLarge(MOST_ROWS)
    rows = [
        _row(asked, tags, slot, cells.get(slot.name), now)
        for tags, cells in sorted(found.items())
        for slot in days.of(_order(zones.get(tags)))
    ]
    if not rows and not slots:
        raise QuestionEmpty(str(question.bucket))
    seen = {row.tags for row in rows if row.got or row.expected}
    return Answer(asked, tuple(row for row in rows if row.tags in seen))


def _check(question: Question) -> None:
    known = MEASUREMENTS[question.measurement].tags
    tags = {*question.by, *(question.where or {})}
    if tags - set(known):
        raise CatalogError(
            f"{question.measurement} has no tag {min(tags - set(known))!r}: one of {', '.join(known)}"
        )
    if not isinstance(question.bucket, Span):
        return
    advice = "; buckets of seconds, like 3600s, read the samples themselves"
    try:
        level_of(question.measurement, question.bucket, tags)
    except CatalogError:
        levels = LADDERS.get(question.measurement, ())
        if question.bucket is Span.SLOT:
            levels = levels[-1:] if question.measurement in SLOT_FIELDS else ()
        fits = " or ".join(f"({', '.join(level.by)})" for level in levels)
        there = f"only by tags out of {fits}" if fits else "not kept"
        name = f"{question.measurement} by {question.bucket}"
        raise CatalogError(f"{name} is {there}{advice}") from None
    if question.bucket is Span.SLOT:
        kept = SLOT_FIELDS[question.measurement]
        if absent := [one.field for one in question.wanted if one.field not in kept]:
            raise CatalogError(f"{absent[0]} is not kept by 5m, only {', '.join(kept)}{advice}")


def _whole(question: Question, now: int) -> Window:
    """Every bucket that the window touches as a whole, up to the one that runs."""
    start, end, step = question.window.start, min(question.window.end, now), question.step_s
    if step is None or start >= end:
        return Window(start, end)
    if (end - start) // step > MOST_ROWS:
        raise QuestionTooLarge(MOST_ROWS)
    return Window(start // step * step, -(-end // step) * step)


_DERIVED_S: Final = 300
"""So long after its end a bucket may still have to be derived."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """What a bucket is known by, and where it begins and ends."""

    name: int
    start: int
    end: int


@dataclass(slots=True)
class _Days:
    """The buckets of a window, also by the clocks of several zones at once."""

    question: Question
    known: dict[tuple[str, ...], list[_Slot]] = field(default_factory=dict)

    def of(self, zones: tuple[str, ...]) -> list[_Slot]:
        """Those of the first of the zones; each lasts until it is over in all of them."""
        if zones not in self.known:
            self.known[zones] = [self._widened(slot, zones[1:]) for slot in self._of(zones[0])]
        return self.known[zones]

    def _of(self, zone: str) -> Iterator[_Slot]:
        window, bucket, step = self.question.window, self.question.bucket, self.question.step_s
        if step is not None:
            for start in range(window.start, window.end, step):
                yield _Slot(start, start, start + step)
            return
        span = Span(str(bucket))
        slot = slot_at(span, window.start, zone)
        while (lasts := extent(span, slot, zone)).start + _NOON_S < window.end:
            if lasts.start + _NOON_S >= window.start:
                yield _Slot(slot, lasts.start, lasts.end)
            slot = slot_at(span, lasts.end + _NOON_S, zone)

    def _widened(self, slot: _Slot, zones: tuple[str, ...]) -> _Slot:
        if self.question.step_s is not None or not zones:
            return slot
        lasts = [extent(Span(str(self.question.bucket)), slot.name, zone) for zone in zones]
        start, end = min(one.start for one in lasts), max(one.end for one in lasts)
        return _Slot(slot.name, min(slot.start, start), max(slot.end, end))


def _order(zones: Mapping[str, int] | None) -> tuple[str, ...]:
    """That of the most municipalities first: its days are those that are told."""
    return tuple(sorted(zones, key=lambda zone: (-zones[zone], zone))) if zones else ("UTC",)


def _row(question: Question, tags: tuple[str, ...], slot: _Slot, cell: Cell | None, now: int) -> Row:
    over = slot.end <= now
    if cell is None:
        if isinstance(question.bucket, Span):
            over = slot.end <= now - _DERIVED_S
        absent = tuple(0 if one.statistic is Statistic.COUNT else None for one in question.told)
        return Row(tags, slot.start, slot.end, absent, 0, None, over)
    values = tuple(cell.sums[one.field].told(one.statistic) for one in question.told)
    return Row(tags, slot.start, slot.end, values, cell.got, cell.expected, over)


def _rolled_up(
    store: LocalStore,
    question: Question,
    zone_of: ZoneOf,
    found: Found,
    zones: dict[tuple[str, ...], Counter[str]],
) -> Iterator[None]:
    """From what was derived: the same numbers however long the samples are kept. Stops after each part.

    Days are read municipality by municipality: a date lasts elsewhere from another moment, and must not be
    told without those that begin it before the window.
    """
    span = Span(str(question.bucket))
    by, where, window = question.by, dict(question.where or {}), question.window
    calendar = span not in STEPS_S
    if calendar:
        by = (*by, *{"mun"} - {*by})
        window = Window(window.start - _NOON_S, window.end + _NOON_S)
    fields = tuple({one.field for one in question.wanted})
    places: set[tuple[tuple[str, ...], str]] = set()
    zone = cache(zone_of)
    start, length = window.start, _AT_ONCE_S[span]
    while start < window.end:
        read = buckets(
            store, question.measurement, span, Window(start, min(start + length, window.end)), by, where
        )
        start += length
        length = _AT_ONCE_S[span] * (1 if read else 4)
        for one in read:
            tags = tuple(one.tags[tag] for tag in question.by)
            slot = one.start
            if calendar:
                slot = slot_at(span, one.start + _NOON_S, "UTC")
                if (tags, one.tags["mun"]) not in places:
                    places.add((tags, one.tags["mun"]))
                    zones.setdefault(tags, Counter())[zone(one.tags["mun"])] += 1
            _add(found.setdefault(tags, {}), slot, one, fields)
        yield


def _add(cells: dict[int, Cell], slot: int, one: Bucket, fields: tuple[str, ...]) -> None:
    if slot not in cells:
        cells[slot] = Cell.of(fields)
    cell = cells[slot]
    cell.got += one.got
    if one.expected:
        cell.expected = (cell.expected or 0) + one.expected
    for name in fields:
        if (figure := one.figures.get(name)) is not None:
            cell.sums[name].merge(figure)
