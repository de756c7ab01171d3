"""Questions to the store: figures by place and time, each with how much of it is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError, QuestionTooLarge
from metrics.local.buckets import Bucket, buckets
from metrics.local.calendar import extent, slot_at
from metrics.local.counters import gaps, growth
from metrics.local.figures import Figure
from metrics.local.levels import DAY_S, Span
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

MOST_ROWS: Final = 500_000
_STEPS_S: Final = {Span.SLOT: 300, Span.HOUR: 3_600}
_NOON_S: Final = DAY_S // 2
_AT_ONCE_S: Final = 6 * 3_600


class Statistic(StrEnum):
    """What of the values of a bucket is told."""

    MEAN = "mean"
    SUM = "sum"
    LEAST = "min"
    MOST = "max"
    COUNT = "count"  # how many are known
    GROWTH = "growth"  # of a counter: how much more it has become


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field of the measurement and what of it."""

    field: str
    statistic: Statistic

    @property
    def column(self) -> str:
        """What its column is called."""
        return f"{self.field}_{self.statistic}"


@dataclass(frozen=True, slots=True)
class Question:
    """`bucket` is a Span, or so many seconds: then samples as they came are read.

    Hours and seconds are counted in UTC, days and months by the clock of the municipality; those belong to
    the window in which their first noon lies.
    """

    measurement: str
    wanted: tuple[Wanted, ...]
    window: Window
    bucket: Span | int
    by: tuple[str, ...] = ()
    where: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One series in one bucket [start, end). A value is None where nobody knows it: that is not zero.

    `got` samples of `expected` ones are behind it; `expected` is None where nobody said how many there should
    be.
    """

    tags: tuple[str, ...]
    start: int
    end: int
    values: tuple[float | int | None, ...]
    got: int
    expected: int | None

    @property
    def completeness(self) -> float | None:
        """The share of the samples that should be there and are, from 0 to 1."""
        return None if not self.expected else min(1.0, self.got / self.expected)


@dataclass(frozen=True, slots=True)
class Answer:
    """Every series has a row for every bucket of the window, so that a gap is seen as one."""

    question: Question
    rows: tuple[Row, ...]

    def series(self) -> dict[tuple[str, ...], list[Row]]:
        """The rows of each set of tags, in time."""
        found: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.tags, []).append(row)
        return found


ZoneOf = Callable[[str], str]
"""The zone of a municipality, by its key."""


def in_utc(_municipality: str) -> str:
    """Where nobody knows the zones."""
    return "UTC"


def wanted(measurement: str, text: str) -> Wanted:
    """`clients` or `clients:max`. Raises CatalogError; a counter's growth is meant where nothing is said."""
    name, _, statistic = text.partition(":")
    known = MEASUREMENTS.get(measurement)
    if known is None:
        raise CatalogError(f"unknown measurement {measurement!r}: one of {', '.join(MEASUREMENTS)}")
    if name not in known.fields:
        raise CatalogError(f"{measurement} has no field {name!r}: one of {', '.join(known.fields)}")
    counter = known.fields[name].counter
    try:
        found = Statistic(statistic) if statistic else Statistic.GROWTH if counter else Statistic.MEAN
    except ValueError:
        raise CatalogError(f"unknown statistic {statistic!r}: one of {', '.join(Statistic)}") from None
    if counter != (found is Statistic.GROWTH) and found is not Statistic.COUNT:
        fits = "growth" if counter else "mean, sum, min or max"
        raise CatalogError(f"{measurement}.{name} is a {'counter' if counter else 'gauge'}: ask for {fits}")
    return Wanted(name, found)


def bucket_of(text: str) -> Span | int:
    """`5m`, `hour`, `day`, `month`, or seconds like `60s`. Raises CatalogError."""
    if text.endswith("s") and text[:-1].isdecimal() and int(text[:-1]):
        return int(text[:-1])
    try:
        return Span(text)
    except ValueError:
        raise CatalogError(
            f"unknown bucket {text!r}: seconds like 60s, or one of {', '.join(Span)}"
        ) from None


def ask(store: LocalStore, question: Question, zone_of: ZoneOf = in_utc) -> Answer:
    """The answer, series by series. Raises CatalogError, QuestionTooLarge and StoreUnusable."""
    known = MEASUREMENTS[question.measurement].tags
    unknown = {*question.by, *(question.where or {})} - set(known)
    if unknown:
        raise CatalogError(f"{question.measurement} has no tag {min(unknown)!r}: one of {', '.join(known)}")
    found = (
        _rolled_up(store, question) if isinstance(question.bucket, Span) else _as_they_came(store, question)
    )
    shortest = _STEPS_S.get(question.bucket, DAY_S) if isinstance(question.bucket, Span) else question.bucket
    if (question.window.end - question.window.start) // shortest * len(found) > MOST_ROWS:
        raise QuestionTooLarge(MOST_ROWS)
    rows = [
        _row(question, tags, start, end, found[tags].get(slot))
        for tags in sorted(found)
        for slot, start, end in _slots(question, _zone(question, tags, zone_of))
    ]
    return Answer(question, tuple(rows))


@dataclass(slots=True)
class _Sum:
    """What is known of one field in one bucket."""

    known: int = 0
    total: float | int = 0
    least: float | None = None
    most: float | None = None

    def add(self, value: float | int) -> None:
        """One more value."""
        self.known += 1
        self.total += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)

    def told(self, statistic: Statistic) -> float | int | None:
        """One statistic of it; None when nothing is known."""
        if statistic is Statistic.COUNT:
            return self.known
        if not self.known:
            return None
        if statistic is Statistic.MEAN:
            return self.total / self.known
        if statistic is Statistic.LEAST:
            return self.least
        if statistic is Statistic.MOST:
            return self.most
        return self.total


@dataclass(slots=True)
class _Cell:
    """One group in one bucket."""

    sums: dict[str, _Sum]
    start: int
    end: int
    got: int = 0
    expected: int | None = None


_Found = dict[tuple[str, ...], dict[int, _Cell]]


def _row(question: Question, tags: tuple[str, ...], start: int, end: int, cell: _Cell | None) -> Row:
    if cell is None:
        absent = tuple(0 if one.statistic is Statistic.COUNT else None for one in question.wanted)
        return Row(tags, start, end, absent, 0, None)
    values = tuple(cell.sums[one.field].told(one.statistic) for one in question.wanted)
    return Row(tags, cell.start, cell.end, values, cell.got, cell.expected)


def _rolled_up(store: LocalStore, question: Question) -> _Found:
    """From what was derived: the same numbers however long the samples are kept."""
    found: _Found = {}
    span = Span(str(question.bucket))
    derived = buckets(
        store, question.measurement, span, question.window, question.by, dict(question.where or {})
    )
    for one in derived:
        tags = tuple(one.tags[tag] for tag in question.by)
        slot = one.start if span in _STEPS_S else slot_at(span, one.start + _NOON_S, "UTC")
        found.setdefault(tags, {})[slot] = _derived(question, one)
    return found


def _derived(question: Question, one: Bucket) -> _Cell:
    nothing = Figure(0, 0)
    figures = {name: one.figures.get(name, nothing) for name in {wish.field for wish in question.wanted}}
    sums = {
        name: _Sum(figure.known, figure.total, figure.least, figure.largest)
        for name, figure in figures.items()
    }
    return _Cell(sums, one.start, one.end, one.got, one.expected or None)


def _as_they_came(store: LocalStore, question: Question) -> _Found:
    """From the samples themselves, of which nobody says how many there should be."""
    step, found = int(question.bucket), dict[tuple[str, ...], dict[int, _Cell]]()
    fields = MEASUREMENTS[question.measurement].fields
    grown = [name for name in {one.field for one in question.wanted} if fields[name].counter]
    before: dict[tuple[str, ...], Sample] = {}
    for sample in _samples(store, question):
        group = tuple(sample.tags[tag] for tag in question.by)
        start = sample.time // step * step
        cells = found.setdefault(group, {})
        if start not in cells:
            cells[start] = _Cell({one.field: _Sum() for one in question.wanted}, start, start + step)
        cell = cells[start]
        cell.got += 1
        for name, total in cell.sums.items():
            if name in sample.fields and name not in grown:
                total.add(sample.fields[name])
        if grown:
            series = tuple(sample.tags.values())
            if series in before:
                _grow(cell, grown, before[series], sample)
            before[series] = sample
    return found


def _grow(cell: _Cell, fields: Sequence[str], before: Sample, after: Sample) -> None:
    """One interval, which counts where it ends."""
    unknown = gaps((before.time, after.time), (before.fields.get("uptime_s"), after.fields.get("uptime_s")))
    for name in fields:
        known, grown = growth((before.fields.get(name), after.fields.get(name)), unknown)
        cell.sums[name].known += known
        cell.sums[name].total += grown


def _samples(store: LocalStore, question: Question) -> Iterator[Sample]:
    """A few hours at a time: no question needs a month in memory."""
    window = question.window
    for start in range(window.start, window.end, _AT_ONCE_S):
        part = Window(start, min(start + _AT_ONCE_S, window.end))
        yield from store.read(question.measurement, part, question.where)


def _zone(question: Question, tags: tuple[str, ...], zone_of: ZoneOf) -> str:
    """Of the municipality that a row is of; where it is of several, gaps have the edges of UTC."""
    municipality = dict(zip(question.by, tags, strict=True)).get("mun") or (question.where or {}).get("mun")
    return zone_of(municipality) if municipality else "UTC"


def _slots(question: Question, zone: str) -> Iterator[tuple[int, int, int]]:
    """What a bucket is known by, and where it begins and ends, of each in the window."""
    window, bucket = question.window, question.bucket
    if bucket in {Span.DAY, Span.MONTH}:
        span = Span(str(bucket))
        slot = slot_at(span, window.start, zone)
        while (lasts := extent(span, slot, zone)).start + _NOON_S < window.end:
            if lasts.start + _NOON_S >= window.start:
                yield slot, lasts.start, lasts.end
            slot = slot_at(span, lasts.end + _NOON_S, zone)
        return
    step = _STEPS_S[bucket] if isinstance(bucket, Span) else bucket
    for start in range(window.start // step * step, window.end, step):
        yield start, start, start + step
