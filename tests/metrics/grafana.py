"""What Grafana does with a dashboard's query before a server sees it, and the servers' answers as numbers."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
Series = dict[tuple[tuple[str, str], ...], dict[int, float]]
"""By labels: a value by UTC second; nothing where the server says null."""

SCRAPE_S = 30
DATA_POINTS = 1000
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Looking:
    """A range of time in UTC seconds, and what the dashboard's variables say; several values as a list."""

    start: int
    end: int
    chosen: Mapping[str, str | list[str]]

    def of(self, panel: Json) -> "Looking":
        """A panel may look at the last minutes only."""
        recent = panel.get("timeFrom")
        return Looking(self.end - seconds(recent), self.end, self.chosen) if recent else self


def seconds(duration: str) -> int:
    """`5m` and its like."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def interval_s(panel: Json, looking: Looking) -> int:
    """One point for each pixel, but never less than the panel's shortest step."""
    return max(seconds(panel["interval"]), (looking.end - looking.start) // DATA_POINTS)


def panels(dashboard: Json) -> Iterator[Json]:
    """Rows and what lies below them, also below the closed ones."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Each panel with each of its queries."""
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield panel, target


def influxql(query: str, panel: Json, looking: Looking) -> str:
    """As the InfluxDB source writes it. A name that is no variable raises KeyError."""
    step = interval_s(panel, looking)
    known = {
        "timeFilter": f"time >= {looking.start}000ms and time <= {looking.end}000ms",
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1000),
    }

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name in known:
            return known[name]
        chosen = looking.chosen[name]
        if found[3] != "regex":
            assert isinstance(chosen, str)
            return chosen
        if chosen == ".*":
            return chosen
        escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", one) for one in _list(chosen)]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return _VARIABLE.sub(value, query)


def promql(expression: str, panel: Json, looking: Looking, several: bool) -> str:
    """As the Prometheus source writes it; it escapes for a regex only what may have several values."""
    step = interval_s(panel, looking)
    known = {
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1000),
        "__rate_interval": f"{max(step + SCRAPE_S, 4 * SCRAPE_S)}s",
        "__range": f"{looking.end - looking.start}s",
    }

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name in known:
            return known[name]
        chosen = looking.chosen[name]
        if chosen == ".*":
            return chosen
        if not several:
            assert isinstance(chosen, str)
            return chosen.replace("\\", "\\\\")
        escaped = [
            re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", one.replace("\\", "\\\\\\\\"))
            for one in _list(chosen)
        ]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return _VARIABLE.sub(value, expression)


def _list(chosen: str | list[str]) -> list[str]:
    return [chosen] if isinstance(chosen, str) else chosen


def several(dashboard: Json) -> bool:
    """Whether its municipality and site may be several."""
    return any(variable["multi"] for variable in dashboard["templating"]["list"])


def _get(url: str, query: Mapping[str, str]) -> Any:
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        return json.load(answer)


def ask_influxdb(url: str, query: str) -> Series:
    """Each value column of each series; an error in words raises AssertionError."""
    answer = _get(f"{url}/query", {"db": "plaza", "q": query, "epoch": "s"})
    found: Series = {}
    for result in answer["results"]:
        assert "error" not in result, (query, result["error"])
        for series in result.get("series", ()):
            for number, column in enumerate(series["columns"][1:], 1):
                tags = tuple(sorted({**series.get("tags", {}), "": column}.items()))
                values = {row[0]: row[number] for row in series["values"] if row[number] is not None}
                found[tags] = values
    return {tags: values for tags, values in found.items() if values}


def influxdb_tag_values(url: str, query: str) -> list[str]:
    """The answer to SHOW TAG VALUES."""
    answer = _get(f"{url}/query", {"db": "plaza", "q": query})
    [result] = answer["results"]
    return [row[1] for series in result.get("series", ()) for row in series["values"]]


def ask_prometheus(url: str, expression: str, looking: Looking, step: int, instant: bool) -> Series:
    """A range of time begins at a whole step, as Grafana has it."""
    if instant:
        answer = _get(f"{url}/api/v1/query", {"query": expression, "time": str(looking.end)})
        return {_labels(one): {looking.end: float(one["value"][1])} for one in answer["data"]["result"]}
    start, end = looking.start // step * step, looking.end // step * step
    query = {"query": expression, "start": str(start), "end": str(end), "step": str(step)}
    answer = _get(f"{url}/api/v1/query_range", query)
    return {
        _labels(one): {int(at): float(value) for at, value in one["values"]}
        for one in answer["data"]["result"]
    }


def _labels(series: Json) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series["metric"].items()))


_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def prometheus_label_values(url: str, query: str) -> list[str]:
    """The answer to label_values(selector, label), which Grafana asks this way."""
    found = _LABEL_VALUES.fullmatch(query)
    assert found, query
    answer = _get(f"{url}/api/v1/label/{found[2]}/values", {"match[]": found[1]})
    return list(answer["data"])
