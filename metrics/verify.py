"""Store and sink compared series by series and minute by minute: what is missing there, by name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.line_protocol import as_read
from metrics.local.store import LocalStore
from metrics.readback import MINUTE_S, hours
from metrics.sink import Cell, Sink, Window

POINTS_AT_ONCE: Final = 50_000

Series = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Gap:
    """`missing` points of a series are not there, in minutes without a pause in [start, end)."""

    measurement: str
    tags: tuple[str, ...]
    start: int
    end: int
    missing: int

    @property
    def series(self) -> str:
        """As line protocol writes it, for a person to read."""
        names = MEASUREMENTS[self.measurement].tags
        tags = (f"{tag}={value}" for tag, value in zip(names, self.tags, strict=True))
        return ",".join((self.measurement, *tags))


@dataclass(frozen=True, slots=True)
class Found:
    """Of one measurement: points in the store, and how many of them are missing in the sink."""

    here: int = 0
    missing: int = 0


class Verification:
    """One comparison: iterate over it for the gaps; `found` is right when it has ended.

    Neither side holds more than about `points_at_once` at a time, or a minute of them. What only the sink has
    is not looked at: it may keep things for longer, and those of others.
    """

    def __init__(
        self, store: LocalStore, sink: Sink, window: Window, points_at_once: int = POINTS_AT_ONCE
    ) -> None:
        self._store = store
        self._sink = sink
        self._points_at_once = points_at_once
        self.window = window
        self.found: dict[str, Found] = {}

    @property
    def missing(self) -> int:
        """Points missing in all."""
        return sum(found.missing for found in self.found.values())

    def __iter__(self) -> Iterator[Gap]:
        """Every gap, each as soon as its end is known. Raises SinkUnavailable, StoreUnusable."""
        open_gaps: dict[Series, Gap] = {}
        asked = False
        for part in self._parts():
            here = _as_read(self._store.tally(part))
            lacking = lacks(here, self._sink.tally(part) if here else {})
            asked = asked or bool(here)
            self._count(here, lacking)
            yield from _joined(open_gaps, gaps(lacking), part)
        yield from open_gaps.values()
        if not asked:  # nothing is missing of nothing, if the server can be asked at all
            self._sink.tally(Window(self.window.end - MINUTE_S, self.window.end))

    def _parts(self) -> Iterator[Window]:
        for hour in hours(self.window):
            yield from _halved(self._store, hour, self._points_at_once)

    def _count(self, here: Mapping[Cell, int], lacking: Mapping[Cell, int]) -> None:
        for cell, points in here.items():
            found = self.found.get(cell.measurement, Found())
            lost = found.missing + lacking.get(cell, 0)
            self.found[cell.measurement] = Found(found.here + points, lost)


def lacks(here: Mapping[Cell, int], there: Mapping[Cell, int]) -> dict[Cell, int]:
    """How many points of each cell are not there."""
    return {cell: points - there.get(cell, 0) for cell, points in here.items() if points > there.get(cell, 0)}


def gaps(lacking: Mapping[Cell, int]) -> list[Gap]:
    """Minutes of a series that follow each other are one gap; by series, oldest first."""
    found: list[Gap] = []
    for cell in sorted(lacking, key=lambda cell: (cell.measurement, cell.tags, cell.minute)):
        gap = Gap(cell.measurement, cell.tags, cell.minute, cell.minute + MINUTE_S, lacking[cell])
        if found and _follows(found[-1], gap):
            found[-1] = _merged(found[-1], gap)
        else:
            found.append(gap)
    return found


def _as_read(tally: Mapping[Cell, int]) -> dict[Cell, int]:
    """Two names that a server cannot tell apart are one series there."""
    found: dict[Cell, int] = {}
    for cell, points in tally.items():
        tags = tuple(map(as_read, cell.tags))
        seen = cell if tags == cell.tags else replace(cell, tags=tags)
        found[seen] = max(points, found.get(seen, 0))
    return found


def _halved(store: LocalStore, window: Window, points: int) -> Iterator[Window]:
    """The window in parts of no more than so many points, of whole minutes where it has them."""
    middle = (window.start + window.end) // 2 // MINUTE_S * MINUTE_S
    if middle <= window.start or sum(store.counts(window).values()) <= points:
        yield window
        return
    yield from _halved(store, Window(window.start, middle), points)
    yield from _halved(store, Window(middle, window.end), points)


def _joined(open_gaps: dict[Series, Gap], found: Iterable[Gap], part: Window) -> Iterator[Gap]:
    """Gaps that are at an end by now; those that reach the end of the part stay open."""
    for gap in found:
        series = (gap.measurement, gap.tags)
        before = open_gaps.pop(series, None)
        if before is not None and _follows(before, gap):
            gap = _merged(before, gap)  # noqa: PLW2901
        elif before is not None:
            yield before
        open_gaps[series] = gap
    for series, gap in list(open_gaps.items()):
        if gap.end < part.end:
            yield open_gaps.pop(series)


def _follows(gap: Gap, later: Gap) -> bool:
    return (gap.measurement, gap.tags, gap.end) == (later.measurement, later.tags, later.start)


def _merged(gap: Gap, later: Gap) -> Gap:
    return replace(gap, end=later.end, missing=gap.missing + later.missing)
