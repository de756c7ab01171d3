"""What a stay at this site comes to, in seconds and octets, and why it ends; pure."""

from dataclasses import replace
from typing import Final

from captive_portal.gateway.admission import Admit
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.enforcer import Ceiling, Standing, Terms
from captive_portal.gateway.journal import Event, Live
from captive_portal.gateway.shaping import Rate

LEFT: Final = "User-Request"
DISMISSED: Final = "Admin-Reset"
EXPIRED: Final = "Session-Timeout"
REBOOTED: Final = "NAS-Reboot"
LOST: Final = "Lost-Service"
REPLACED: Final = "Lost-Carrier"
USED_UP: Final = "Octet-Limit"

NOWHERE: Final = Standing(None, None)
SLACK_S: Final = 2
"""The kernel tells whole seconds: within this, its time and ours are the same."""


def rate(live: Live) -> Rate:
    """How fast this session may be."""
    return Rate(live.down_kbps, live.up_kbps)


def terms(live: Live, seconds: int) -> Terms:
    """What its door is open for, so many seconds from now."""
    return Terms(live.session, seconds, Ceiling(live.octets, live.total), rate(live))


def lasted_s(live: Live, now: Moment) -> int:
    """How long its door has been open, before a power cut too."""
    here_s = now.seconds - live.at if live.boot == now.boot else 0.0
    return live.before_s + max(0, int(here_s))


def used(live: Live, standing: Standing) -> tuple[int | None, int | None]:
    """Octets down and up in all, before a power cut too; None when nobody counts."""
    counted = (live.down, standing.octets_down), (live.up, standing.octets_up)
    down, up = (None if here is None else before + here for before, here in counted)
    return down, up


def carried(live: Live, standing: Standing, now: Moment) -> tuple[int, int, int]:
    """What is counted on when its door is opened anew: octets down and up, seconds."""
    down, up = used(live, standing)
    return live.down if down is None else down, live.up if up is None else up, lasted_s(live, now)


def usage(live: Live, standing: Standing, now: Moment) -> Event:
    """What it has used so far, as the controller is told."""
    return Event("usage", live.session, now.boot, now.seconds, lasted_s(live, now), *used(live, standing))


def ending(session: str, cause: str, live: Live | None, standing: Standing, now: Moment) -> Event:
    """The end of a session; without a `live` one it never began."""
    if live is None:
        return Event("closed", session, now.boot, now.seconds, cause=cause)
    if live.boot != now.boot:
        at_s = 0.0 if cause == REBOOTED else now.seconds
        return Event("closed", session, now.boot, at_s, *_before(live), cause)
    end = Moment(now.boot, min(now.seconds, live.until))
    return Event("closed", session, now.boot, end.seconds, lasted_s(live, end), *used(live, standing), cause)


def over(live: Live, standing: Standing, now: Moment) -> str:
    """Why a session of this boot is over; empty when it is not."""
    if standing.seconds_left is None:
        return EXPIRED if now.seconds >= live.until - 1 else LOST
    here = _counted(standing)
    return USED_UP if standing.used_up or 0 < live.octets <= here else ""


def rest(live: Live, standing: Standing) -> Live:
    """What is left of it: its cap less what was counted at its door."""
    return replace(live, octets=max(0, live.octets - _counted(standing)))


def caught_up(live: Live, until: float, standing: Standing) -> Live:
    """As it is noted, with what the kernel has: we may have been killed between a step there and its note."""
    ceiling = standing.ceiling or Ceiling(live.octets, live.total)
    later = until if until > live.until + SLACK_S else live.until
    return replace(live, until=later, octets=ceiling.here, total=ceiling.total)


def longer(live: Live, grant: Admit, now: Moment) -> Live:
    """The session after this ticket: never shorter than before, its cap higher by what the whole's is."""
    until = max(live.until, now.seconds + grant.seconds)
    octets, total = live.octets, live.total
    if not grant.octets:
        octets = total = 0
    elif octets and total < grant.total:
        # what an older portal or gateway did not tell raises nothing
        octets, total = (octets + grant.total - total if total else octets), grant.total
    return replace(
        live, until=until, octets=octets, total=total, longer=grant.longer,
        down_kbps=grant.rate_down, up_kbps=grant.rate_up,
    )  # fmt: skip


def _counted(standing: Standing) -> int:
    return (standing.octets_up or 0) + (standing.octets_down or 0)


def _before(live: Live) -> tuple[int | None, int | None, int | None]:
    """Seconds, octets down and up of a session whose boot is over; None where no minute of it was kept."""
    counted = live.down or live.up
    return live.before_s or None, live.down if counted else None, live.up if counted else None
