"""How many points a server holds, asked in its own language: the proof that nothing is missing there."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Measurement
from metrics.sink import Window

HOUR_S: Final = 3_600

# path, query → the lines of the answer as they come
Fetch = Callable[[str, Mapping[str, str]], AbstractContextManager[Iterable[bytes]]]


class AnswerRefused(Exception):
    """The server answered with an error in words."""


def influxql(fetch: Fetch, database: Mapping[str, str], window: Window) -> dict[str, int]:
    """Points per measurement by InfluxQL, on every InfluxDB.

    `count()` counts fields, not points, and points need not share a field: so the rows are counted.
    """
    return _counted(window, lambda measurement, hour: _influxql_hour(fetch, database, measurement, hour))


def metricsql(fetch: Fetch, window: Window) -> dict[str, int]:
    """Points per measurement on VictoriaMetrics, where each field is a series of its own.

    A point written twice is held twice there, so the distinct times of each set of tags are counted, over all
    fields.
    """
    return _counted(window, lambda measurement, hour: _metricsql_hour(fetch, measurement, hour))


def _counted(window: Window, count: Callable[[Measurement, Window], int]) -> dict[str, int]:
    found = {m.name: sum(count(m, hour) for hour in _hours(window)) for m in MEASUREMENTS.values()}
    return {name: points for name, points in found.items() if points}


def _hours(window: Window) -> Iterator[Window]:
    """In parts, so that neither side holds a day in memory."""
    for start in range(window.start, window.end, HOUR_S):
        yield Window(start, min(start + HOUR_S, window.end))


def _influxql_hour(fetch: Fetch, database: Mapping[str, str], measurement: Measurement, hour: Window) -> int:
    query = (
        f'SELECT * FROM "{measurement.name}" '  # noqa: S608  (a name of the catalogue)
        f"WHERE time >= {hour.start}s AND time < {hour.end}s GROUP BY *"
    )
    with fetch("/query", {**database, "q": query, "epoch": "s", "chunked": "true"}) as lines:
        return sum(_rows(json.loads(line)) for line in lines if line.strip())


def _rows(answer: Mapping[str, Any]) -> int:
    results = answer.get("results", [])
    for part in (answer, *results):
        if "error" in part:
            raise AnswerRefused(str(part["error"]))
    return sum(len(series.get("values", ())) for result in results for series in result.get("series", ()))


def _metricsql_hour(fetch: Fetch, measurement: Measurement, hour: Window) -> int:
    names = "|".join(f"{measurement.name}_{field}" for field in measurement.fields)
    query = {"match[]": f'{{__name__=~"{names}"}}', "start": str(hour.start), "end": f"{hour.end - 1}.999"}
    times: dict[tuple[str, ...], set[int]] = {}
    with fetch("/api/v1/export", query) as lines:
        for line in lines:
            if line.strip():
                series = json.loads(line)
                tags = tuple(series["metric"].get(tag, "") for tag in measurement.tags)
                times.setdefault(tags, set()).update(series["timestamps"])
    return sum(map(len, times.values()))
