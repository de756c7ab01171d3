"""Which measurement is rolled up by which tags, and over which spans."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError
from metrics.sink import Window

SLOT_S: Final = 300
HOUR_S: Final = 3_600
DAY_S: Final = 86_400


class Span(StrEnum):
    """How long a bucket is. Hours are UTC; days and months go by the clock of the municipality's zone.

    A day there has 23, 24 or 25 hours. An hour belongs to the day in which it begins; in Mexico every zone is
    whole hours from UTC, so none is cut in two.
    """

    SLOT = "5m"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Level:
    """A measurement summed up by these tags, the most particular place among them first in its name."""

    measurement: str
    by: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its tables are called after."""
        place = next(tag for tag in ("ap", "site", "mun") if tag in self.by)
        return f"{self.measurement}_{place}"

    @property
    def places(self) -> tuple[int, ...]:
        """Where its tags are among those of the measurement."""
        return tuple(map(MEASUREMENTS[self.measurement].tags.index, self.by))

    @property
    def whole(self) -> bool:
        """Whether each of its rows is one series as it was measured, not several."""
        return self.by == MEASUREMENTS[self.measurement].tags


def _ladder(measurement: str, *levels: str) -> tuple[Level, ...]:
    return tuple(Level(measurement, tuple(level.split())) for level in levels)


LADDERS: Final[Mapping[str, tuple[Level, ...]]] = MappingProxyType(
    {
        "wifi_ap": _ladder("wifi_ap", "ap mun site vendor", "mun site", "mun"),
        "wifi_radio": _ladder("wifi_radio", "mun site band", "mun band"),
        "wifi_ssid": _ladder("wifi_ssid", "mun site ssid", "mun ssid"),
        "wifi_session": _ladder("wifi_session", "mun site", "mun"),
        "wifi_portal": _ladder("wifi_portal", "mun site", "mun"),
        "gateway": _ladder("gateway", "mun site", "mun"),
        "service": _ladder("service", "mun site", "mun"),
        "hotspot_mun": _ladder("hotspot_mun", "mun"),
    }
)
"""The levels of each measurement, the finest first: each is the sum of the one before it."""

SLOT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "wifi_ap": ("up", "clients"),
        "hotspot_mun": tuple(MEASUREMENTS["hotspot_mun"].fields),
    }
)
"""Of which there are buckets of five minutes, of the municipality only, and which fields they have."""

SEEN: Final = "seen"
"""A figure that no sample has: how many series of the measurement gave a sample. Not where a row is one."""


def level_of(measurement: str, span: Span, tags: Collection[str]) -> Level:
    """The coarsest level that tells these tags apart. Raises CatalogError where there is none."""
    levels = LADDERS.get(measurement, ())
    if span is Span.SLOT:
        levels = levels[-1:] if measurement in SLOT_FIELDS else ()
    for level in reversed(levels):
        if set(tags) <= set(level.by):
            return level
    raise CatalogError(f"no {span} of {measurement!r} by {sorted(tags)}")


def by_day(window: Window) -> Iterator[Window]:
    """The parts of a window that lie in one UTC day each, oldest first."""
    start = window.start
    while start < window.end:
        end = min(window.end, (start // DAY_S + 1) * DAY_S)
        yield Window(start, end)
        start = end
