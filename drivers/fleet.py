"""The series of one poll: what adds up, which of several, and how many at most."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.snmp.seam import Oid
from drivers.tables import Fields
from metrics.sample import Sample

MOST_SAMPLES: Final = 50_000
_MOST_PER_AP: Final = 64
ADDED: Final = frozenset({"clients", "rx_octets", "tx_octets", "retries", "errors"})
"""What one network name on two radios of a band adds up to; of anything else the first counts."""


@dataclass(slots=True)
class Fleet:
    """The samples of one poll while they are put together.

    `tags` are the device's; `owners` maps the index, the name and the address of each access point that the
    device reports to its tag; `places` are the fields of each series.
    """

    tags: Mapping[str, str]
    slot: int
    owners: dict[Oid | str, str] = field(default_factory=dict)
    places: dict[tuple[str, ...], Fields] = field(default_factory=dict)
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def device(self) -> str:
        """The device's own tag `ap`."""
        return self.tags["ap"]

    def put(self, measurement: str, ap: str, own: Mapping[str, str], fields: Fields) -> None:
        """Add fields to the series of these tags; an access point stays, even without."""
        if not fields and measurement != "wifi_ap":
            return
        place = (measurement, ap, *own.values())
        if place not in self.places and not self._room(measurement, ap):
            return
        known = self.places.setdefault(place, {})
        for name, value in fields.items():
            adds_up = name in known and measurement == "wifi_ssid" and name in ADDED
            known[name] = known[name] + value if adds_up else known.get(name, value)

    def number(self, *place: str) -> str:
        """How many there were before at this place: 0 for the first."""
        self.counts[place] = self.counts.get(place, -1) + 1
        return str(self.counts[place])

    def _room(self, measurement: str, ap: str) -> bool:
        full = int(self.number("room", measurement, ap)) >= _MOST_PER_AP and measurement != "wired_port"
        full = full or len(self.places) >= MOST_SAMPLES
        problem = f"{ap} reports more {measurement} than we store"
        if full and problem not in self.problems:
            self.problems.append(problem)
        return not full


def samples_of(fleet: Fleet) -> list[Sample]:
    """The samples of all series, in the order in which they were found."""
    return [_sample(place, fields, fleet) for place, fields in fleet.places.items()]


_TAGS: Final = {
    "wifi_radio": ("band", "radio"),
    "wifi_ssid": ("band", "ssid"),
    "wired_port": ("port",),
    "uplink": ("link",),
}


def _sample(place: tuple[str, ...], fields: Fields, fleet: Fleet) -> Sample:
    measurement, ap, *own = place
    tags = {**fleet.tags, "ap": ap, **dict(zip(_TAGS.get(measurement, ()), own, strict=True))}
    return Sample(measurement, tags, dict(sorted(fields.items())), fleet.slot)
