"""What a server holds, asked in its own language: the proof that nothing is missing there."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Measurement
from metrics.sink import Cell, Window

HOUR_S: Final = 3_600
MINUTE_S: Final = 60
_ROWS_PER_LINE: Final = 1_000

# path, query → the lines of the answer as they come
Fetch = Callable[[str, Mapping[str, str]], AbstractContextManager[Iterable[bytes]]]


class AnswerRefused(Exception):
    """The server answered with an error in words, or with something that is no answer at all."""


@contextmanager
def _shape() -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise AnswerRefused(f"an answer that is none to a query ({type(error).__name__})") from error


def influxql(
    fetch: Fetch, database: Mapping[str, str], measurement: Measurement, window: Window
) -> dict[Cell, int]:
    """Points per series and minute by InfluxQL, on every InfluxDB.

    `count()` counts fields, not points, and points need not share a field: so the rows are counted.
    """
    query = (
        f'SELECT * FROM "{measurement.name}" '  # noqa: S608  (a name of the catalogue)
        f"WHERE time >= {window.start}s AND time < {window.end}s GROUP BY *"
    )
    asked = {"q": query, "epoch": "s", "chunked": "true", "chunk_size": str(_ROWS_PER_LINE)}
    found: dict[Cell, int] = {}
    with fetch("/query", {**database, **asked}) as lines, _shape():
        for series in _series(map(json.loads, filter(bytes.strip, lines))):
            told = series.get("tags", {})
            tags = tuple(told.get(tag, "") for tag in measurement.tags)
            for row in series.get("values", ()):
                cell = Cell(measurement.name, tags, row[0] // MINUTE_S * MINUTE_S)
                found[cell] = found.get(cell, 0) + 1
    return found


def _series(answers: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for answer in answers:
        results = answer.get("results", [])
        for part in (answer, *results):
            if "error" in part:
                raise AnswerRefused(str(part["error"]))
        for result in results:
            yield from result.get("series", ())


def metricsql(fetch: Fetch, measurement: Measurement, window: Window) -> dict[Cell, int]:
    """Points per series and minute on VictoriaMetrics, where each field is a series of its own.

    A point written twice is held twice there, so the distinct times of each set of tags are counted, over all
    fields.
    """
    names = "|".join(f"{measurement.name}_{field}" for field in measurement.fields)
    query = {
        "match[]": f'{{__name__=~"{names}"}}',
        "start": str(window.start),
        "end": f"{window.end - 1}.999",
    }
    times: dict[tuple[str, ...], set[int]] = {}
    with fetch("/api/v1/export", query) as lines:
        for line in filter(bytes.strip, lines):
            series = json.loads(line)
            tags = tuple(series["metric"].get(tag, "") for tag in measurement.tags)
            times.setdefault(tags, set()).update(series["timestamps"])
    found: dict[Cell, int] = {}
    for tags, moments in times.items():
        for moment_ms in moments:
            cell = Cell(measurement.name, tags, moment_ms // 1000 // MINUTE_S * MINUTE_S)
            found[cell] = found.get(cell, 0) + 1
    return found


def counted(tally: Callable[[Measurement, Window], Mapping[Cell, int]], window: Window) -> dict[str, int]:
    """Points per measurement, hour by hour, so that neither side holds a day in memory."""
    found = dict.fromkeys(MEASUREMENTS, 0)
    for hour in hours(window):
        for name, measurement in MEASUREMENTS.items():
            found[name] += sum(tally(measurement, hour).values())
    return {name: points for name, points in found.items() if points}


def hours(window: Window) -> Iterator[Window]:
    """The window in parts of an hour at most."""
    for start in range(window.start, window.end, HOUR_S):
        yield Window(start, min(start + HOUR_S, window.end))
