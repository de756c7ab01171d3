"""Who is in, for the technician's own eyes: the only place where a MAC is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from captive_portal.gateway import stays
from captive_portal.gateway.enforcer import Ceiling, Standing
from captive_portal.gateway.journal import Live
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate


@dataclass(frozen=True, slots=True)
class Device:
    """A phone whose door is open. Uncounted octets are None; a cap of 0 is none.

    The rate is None where it was never noted. `resumed`: it was in before a power cut, whose octets are told.
    """

    session: str
    phone: Phone
    seconds_left: int
    octets_down: int | None
    octets_up: int | None
    octets_max: int
    rate: Rate | None
    resumed: bool = False


def inside(
    standings: Mapping[str, Standing], rates: Mapping[str, Rate | None], lives: Mapping[str, Live]
) -> list[Device]:
    """Everybody whose door is open, the first to go first."""
    found = [
        Device(
            session, one.phone, one.seconds_left, *stays.used(live, one), _cap(live, one),
            rates.get(session), bool(live.before_s),
        )
        for session, one in standings.items()
        if one.phone is not None and one.seconds_left is not None and not one.used_up
        for live in [lives.get(session, Live(session, "", 0, 0))]
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.seconds_left, one.session))


def _cap(live: Live, standing: Standing) -> int:
    """Where its octets end, of all that are told."""
    here = (standing.ceiling or Ceiling()).here
    return here + live.down + live.up if here else 0
