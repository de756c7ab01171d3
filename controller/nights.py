"""When each device is read at night: in its municipality's own night, spread, seldom where octets cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from hashlib import blake2b
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from drivers.model import Device, PollProfile

FROM: Final = time(2)
UNTIL: Final = time(5)
"""The night on the clock of the place."""

_SPREAD: Final = 0.8
"""The last first tries are made when this much of the night is over: there is time for another."""


@dataclass(frozen=True, slots=True)
class Night:
    """One night of a place, epoch seconds; `day` counts local days since year 1."""

    start: int
    end: int
    day: int


@dataclass(frozen=True, slots=True)
class Pace:
    """A device is read once in so many nights, and what did not answer again after `again_s`."""

    nights: int
    again_s: int


PACES: Final[Mapping[PollProfile, Pace]] = MappingProxyType(
    {
        PollProfile.NORMAL: Pace(1, 1_200),
        PollProfile.THIN: Pace(1, 2_400),
        PollProfile.METERED: Pace(7, 3_600),
    }
)
"""By what the uplink costs: docs/metered.md."""


def night(zone: str, now: datetime) -> Night | None:
    """The night of an IANA zone that an aware moment is in, None by day.

    A clock that leaps over an hour of it makes it shorter; the times are those it shows.
    """
    place = ZoneInfo(zone)
    day = now.astimezone(place).date()
    start, end = (datetime.combine(day, at, place).astimezone(UTC) for at in (FROM, UNTIL))
    if not start <= now < end:
        return None
    return Night(int(start.timestamp()), int(end.timestamp()), day.toordinal())


def turn(device: Device, tonight: Night) -> int | None:
    """When (epoch seconds) the device is read in this night, None when it is spared; by its name, so always
    the same."""
    digest = int.from_bytes(blake2b(device.name.encode(), digest_size=4, person=b"night").digest(), "big")
    if tonight.day % PACES[device.poll_profile].nights != digest % PACES[device.poll_profile].nights:
        return None
    return tonight.start + int((tonight.end - tonight.start) * _SPREAD * digest / 2**32)


def again(device: Device, last: int) -> int:
    """When (epoch seconds) one is tried again that could not be read at `last`."""
    return last + PACES[device.poll_profile].again_s
