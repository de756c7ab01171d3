"""A dashboard as the JSON that Grafana 10 and 11 provision (schema version 39)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from metrics.dashboards.model import Dashboard, Edition, Panel, Shape
from metrics.dashboards.panels import panel
from metrics.dashboards.sources import Json
from metrics.dashboards.variables import variables

SCHEMA_VERSION: Final = 39
WIDTH: Final = 24
_HEIGHTS: Final[Mapping[Shape, int]] = {Shape.NUMBER: 4, Shape.LINES: 8, Shape.TABLE: 10, Shape.STATES: 8}


def grafana(dashboard: Dashboard, edition: Edition) -> Json:
    """The whole file. It has no id: that number is the database's of each Grafana."""
    return {
        "id": None,
        "uid": edition.uid(dashboard.name),
        "title": f"Plaza · {edition.say(dashboard.title)}",
        "description": edition.say(dashboard.says),
        "tags": ["plaza", str(edition.flavour)],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "monday",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "refresh": dashboard.refresh,
        "time": {"from": f"now-{dashboard.span}", "to": "now"},
        "timepicker": {},
        "annotations": {"list": []},
        "links": [_links(edition)],
        "templating": {"list": list(variables(dashboard, edition))},
        "panels": list(_panels(dashboard, edition)),
    }


def _links(edition: Edition) -> Json:
    """To the other dashboards, with the same variables and the same time."""
    return {
        "type": "dashboards",
        "title": "Plaza",
        "tags": ["plaza", str(edition.flavour)],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _panels(dashboard: Dashboard, edition: Edition) -> Iterator[Json]:
    """Rows one below the other; a closed one holds its panels, an open one is followed by them."""
    number, top = 1, 0
    for row in dashboard.rows:
        panels = [one for one in row.panels if edition.asked(one)]
        if not panels:
            continue
        drawn, bottom = _laid(panels, top + 1)
        below = [
            {"id": number + place, "gridPos": where, **panel(one, edition, dashboard.least)}
            for place, (one, where) in enumerate(drawn, 1)
        ]
        yield {
            "id": number,
            "gridPos": _place(0, top, WIDTH, 1),
            "type": "row",
            "title": edition.say(row.title),
            "collapsed": row.closed,
            "panels": below if row.closed else [],
        }
        if not row.closed:
            yield from below
        number, top = number + 1 + len(below), top + 1 if row.closed else bottom


def _laid(panels: Sequence[Panel], top: int) -> tuple[list[tuple[Panel, Json]], int]:
    """Each panel with its place, from left to right and then in a new line; and where the last line ends."""
    drawn: list[tuple[Panel, Json]] = []
    left = tallest = 0
    for one in panels:
        if left + one.width > WIDTH:
            left, top, tallest = 0, top + tallest, 0
        height = _HEIGHTS[one.shape]
        drawn.append((one, _place(left, top, one.width, height)))
        left, tallest = left + one.width, max(tallest, height)
    return drawn, top + tallest


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"h": height, "w": width, "x": left, "y": top}
