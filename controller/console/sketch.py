"""Draws every municipality as a mark at its place, so that trouble in one corner is seen as such."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Final

from controller.console.overview import SEVERITY, MunicipalityRow
from controller.health import State

MARGIN: Final = 16.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A municipality in the drawing, x to the east and y to the south."""

    x: float
    y: float
    state: State
    name: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """The marks, the calm ones first so that the others lie on top."""

    width: float
    height: float
    marks: tuple[Mark, ...]


def sketch(rows: Sequence[MunicipalityRow], height: float) -> Sketch:
    """Place each municipality at the mean of its sites, on a plane true to scale at the middle latitude."""
    places = [(row, *_place(row)) for row in rows if row.site_rows]
    if not places:
        return Sketch(height, height, ())
    north, south = max(p[1] for p in places), min(p[1] for p in places)
    west, east = min(p[2] for p in places), max(p[2] for p in places)
    scale = (height - 2 * MARGIN) / max(north - south, 0.1)
    across = scale * cos(radians((north + south) / 2))
    marks = [
        Mark(
            round(MARGIN + (lon - west) * across, 1),
            round(MARGIN + (north - lat) * scale, 1),
            row.state,
            row.name,
        )
        for row, lat, lon in places
    ]
    marks.sort(key=lambda mark: SEVERITY[mark.state])
    return Sketch(round((east - west) * across + 2 * MARGIN, 1), height, tuple(marks))


def _place(row: MunicipalityRow) -> tuple[float, float]:
    count = len(row.site_rows)
    return sum(site.lat for site in row.site_rows) / count, sum(site.lon for site in row.site_rows) / count
