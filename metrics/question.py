"""What may be asked of the store, and what an answer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from metrics.catalog import MEASUREMENTS, Kind
from metrics.errors import CatalogError
from metrics.local.levels import Span
from metrics.sink import Window

STEPS_S: Final = {Span.SLOT: 300, Span.HOUR: 3_600}
"""The spans that are equally long everywhere."""
_ALSO: Final = {
    "5min": Span.SLOT, "1h": Span.HOUR, "60m": Span.HOUR, "60min": Span.HOUR, "1d": Span.DAY,
}  # fmt: skip
"""How else people write a span."""


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

    def is_whole(self, measurement: str) -> bool:
        """Whether its values are whole numbers."""
        if self.statistic in {Statistic.COUNT, Statistic.GROWTH}:
            return True
        whole = MEASUREMENTS[measurement].fields[self.field].kind is not Kind.FLOAT
        return whole and self.statistic is not Statistic.MEAN


@dataclass(frozen=True, slots=True)
class Question:
    """`bucket` is a Span, or so many seconds: then samples as they came are read.

    Hours and seconds are counted in UTC, and every bucket that the window touches is told whole. Days and
    months go by the clock of the municipality, and belong to the window in which their first noon lies.
    """

    measurement: str
    wanted: tuple[Wanted, ...]
    window: Window
    bucket: Span | int
    by: tuple[str, ...] = ()
    where: Mapping[str, str] | None = None

    @property
    def told(self) -> tuple[Wanted, ...]:
        """What is wanted, then what it rests on: how many values of a field are known, of a mean their sum.

        Nobody has to believe a mean, and means of several rows can be put together rightly.
        """
        found = dict.fromkeys(self.wanted)
        for one in self.wanted:
            if one.statistic is Statistic.MEAN:
                found[Wanted(one.field, Statistic.SUM)] = None
            found[Wanted(one.field, Statistic.COUNT)] = None
        return tuple(found)

    @property
    def step_s(self) -> int | None:
        """How long each bucket is; None where that is up to the calendar."""
        return STEPS_S.get(self.bucket) if isinstance(self.bucket, Span) else self.bucket


@dataclass(frozen=True, slots=True)
class Row:
    """One series in one bucket [start, end). A value is None where nobody knows it: that is not zero.

    `values` stand in the order of Question.told. `got` samples of `expected` ones are behind it; `expected`
    is None where nobody said how many there should be. A bucket that is not `over` still grows.
    """

    tags: tuple[str, ...]
    start: int
    end: int
    values: tuple[float | int | None, ...]
    got: int
    expected: int | None
    over: bool = True

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


def wanted(measurement: str, text: str) -> Wanted:
    """`clients` or `clients:max`. Raises CatalogError; a counter's growth is meant where nothing is said."""
    name, _, statistic = text.partition(":")
    known = MEASUREMENTS.get(measurement)
    if known is None:
        raise CatalogError(f"unknown measurement {measurement!r}: one of {', '.join(MEASUREMENTS)}")
    if name not in known.fields:
        close = get_close_matches(name, known.fields, n=1)
        nearest = f"nearest is {close[0]}; " if close else ""
        raise CatalogError(f"{measurement} has no field {name!r}: {nearest}one of {', '.join(known.fields)}")
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
    """`5m`, `hour`, `day`, `month`, also `5min`, `1h`, `1d`, or seconds like `60s`. Raises CatalogError."""
    if text.endswith("s") and text[:-1].isdecimal() and text.isascii() and 0 < int(text[:-1]) <= 2**31:
        return int(text[:-1])
    try:
        return _ALSO.get(text) or Span(text)
    except ValueError:
        raise CatalogError(
            f"unknown bucket {text!r}: seconds like 60s, or one of {', '.join(Span)}"
        ) from None
