"""Who is in, for the technician's own eyes: the only place where a MAC is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from captive_portal.gateway.enforcer import Ceiling, Standing
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate


@dataclass(frozen=True, slots=True)
class Device:
    """A phone whose door is open. Uncounted octets are None; a cap of 0 is none.

    The rate is None when it was set before the program started.
    """

    session: str
    phone: Phone
    seconds_left: int
    octets_down: int | None
    octets_up: int | None
    octets_max: int
    rate: Rate | None


def inside(standings: Mapping[str, Standing], rates: Mapping[str, Rate | None]) -> list[Device]:
    """Everybody whose door is open, the first to go first."""
    found = [
        Device(session, one.phone, one.seconds_left, *octets, rates.get(session))
        for session, one in standings.items()
        if one.phone is not None and one.seconds_left is not None and not one.used_up
        for octets in [(one.octets_down, one.octets_up, (one.ceiling or Ceiling()).here)]
    ]
    return sorted(found, key=lambda one: (one.seconds_left, one.session))
