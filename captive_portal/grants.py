"""Whether a citizen gets online, and for how long: pure decisions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from captive_portal.model import Arrival, Grant, Plan, PortalSite, Refusal, RefusalReason, Running, Ticket

OpenAt = Callable[[str, datetime], bool]
"""Whether the site with this key serves at this aware moment."""

RENEWABLE: Final = timedelta(minutes=15)
"""How long one tap may take to reach its gateway: a slow reader, a gateway that restarts in the middle."""


def always_open(_site: str, _moment: datetime) -> bool:
    """The hours of a site that never closes."""
    return True


def decide(site: PortalSite, arrival: Arrival, now: datetime, open_at: OpenAt) -> Plan | Refusal:
    """What a phone that arrived at this site's page may have now."""
    if arrival.site != site.key:
        return Refusal(RefusalReason.NOT_RECOGNISED)
    if not open_at(site.key, now):
        return Refusal(RefusalReason.SITE_CLOSED)
    return site.plan


def renew(ticket: Ticket, running: Running | None, now: datetime) -> Grant | Refusal:
    """Whether one tap stays one tap: a young ticket of a session that still runs is worth a new one.

    The age is judged by our clock alone, because the gateway's may be years away.
    """
    if running is None or now - ticket.issued > RENEWABLE:
        return Refusal(RefusalReason.NOT_RECOGNISED)
    return remainder(running, now)


def remainder(running: Running, now: datetime) -> Grant:
    """What is left of a running session: at least a second, and at least an octet where octets are capped.

    Its own bounds hold, not those of its site's plan of today.
    """
    seconds = max(1, int((running.expires_at - now).total_seconds()))
    octets = max(1, running.octets - running.octets_used) if running.octets else 0
    return Grant(running.session, seconds, octets, running.down_kbps, running.up_kbps, running.octets)
