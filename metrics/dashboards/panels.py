"""A panel as Grafana's JSON."""

from collections.abc import Mapping
from typing import Any, Final

from metrics.dashboards import tables
from metrics.dashboards.model import Edition, Flavour, Panel, Query, Shape, Text
from metrics.dashboards.sources import Json, source

_NONE: Final = Text("sin dato", "no data")
_RECENT: Final = "15m"
# A second line differs from the first in more than its colour.
_STROKES: Final[tuple[list[int], ...]] = ([], [10, 10], [2, 6], [20, 6], [4, 4], [14, 4, 2, 4])
_OPTIONS: Final[Mapping[Shape, Json]] = {
    Shape.LINES: {
        "legend": {
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "calcs": ["lastNotNull", "min", "max"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    Shape.NUMBER: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": "auto",
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
    },
    Shape.TABLE: {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "fields": "", "countRows": False},
    },
    Shape.STATES: {
        "showValue": "auto",
        "rowHeight": 0.8,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    },
}


def panel(panel: Panel, edition: Edition, least: str) -> Json:
    """All but its number and its place."""
    drawn: Json = {
        "type": str(panel.shape),
        "title": edition.say(panel.title),
        "description": edition.say(panel.says),
        "datasource": source(edition.flavour),
        "interval": least,
        "targets": [
            _target(letter, expression, query, panel, edition)
            for letter, expression, query in edition.asked(panel)
        ],
        "fieldConfig": {"defaults": _defaults(panel, edition), "overrides": _overrides(panel, edition)},
        "options": _OPTIONS[panel.shape],
    }
    if panel.recent:
        drawn["timeFrom"] = _RECENT
    if panel.shape is Shape.TABLE:
        drawn["transformations"] = tables.transformations(panel, edition)
    return drawn


def _target(letter: str, expression: str, query: Query, panel: Panel, edition: Edition) -> Json:
    form = "table" if panel.shape is Shape.TABLE else "time_series"
    target: Json = {"refId": letter, "datasource": source(edition.flavour)}
    legend = edition.say(query.legend)
    if edition.flavour is Flavour.INFLUXDB:
        alias = legend.replace("{", "$tag_").replace("}", "")
        return target | {"query": expression, "rawQuery": True, "resultFormat": form, "alias": alias}
    return target | {
        "expr": expression,
        "legendFormat": legend.replace("{", "{{").replace("}", "}}") or "__auto",
        "format": form,
        "instant": query.over,
        "range": not query.over,
        "editorMode": "code",
    }


def _defaults(panel: Panel, edition: Edition) -> Json:
    by_value = panel.shape is not Shape.LINES and (panel.steps or panel.words)
    found: Json = {
        "unit": panel.unit,
        "noValue": edition.say(_NONE),
        "color": {"mode": "thresholds" if by_value else "palette-classic"},
        "mappings": tables.mappings(panel.words, edition),
        "thresholds": {"mode": "absolute", "steps": _thresholds(panel)},
        "custom": _custom(panel),
    }
    return found if panel.most is None else found | {"min": 0, "max": panel.most}


def _thresholds(panel: Panel) -> list[Json]:
    return [{"color": color, "value": value} for value, color in panel.steps or ((None, "green"),)]


def _custom(panel: Panel) -> Json:
    """How lines, states and cells are drawn; a gap is never bridged (states do not, unless told to)."""
    if panel.shape is Shape.LINES:
        return {
            "drawStyle": "bars" if panel.stacked else "line",
            "lineWidth": 1 if panel.stacked else 2,
            "fillOpacity": 70 if panel.stacked else 8,
            "showPoints": "auto",
            "pointSize": 5,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
            "spanNulls": False,
            "insertNulls": False,
        }
    if panel.shape is Shape.STATES:
        return {"lineWidth": 0, "fillOpacity": 80}
    if panel.shape is Shape.TABLE:
        return {"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}}
    return {}


def _overrides(panel: Panel, edition: Edition) -> list[Json]:
    if panel.shape is Shape.TABLE:
        return list(tables.columns(panel, edition))
    if panel.shape is not Shape.LINES or panel.stacked:
        return []
    letters = [letter for letter, _expression, _query in edition.asked(panel)]
    return [_stroke(letter, dash) for letter, dash in zip(letters, _STROKES, strict=False) if dash]


def _stroke(letter: str, dash: list[int]) -> Json:
    value: Any = {"fill": "dash", "dash": dash}
    return {
        "matcher": {"id": "byFrameRefID", "options": letter},
        "properties": [{"id": "custom.lineStyle", "value": value}],
    }
