"""Whether a citizen gets online, and for how long: pure decisions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from captive_portal.model import (
    NEVER,
    Arrival,
    FailureReason,
    Grant,
    Plan,
    PortalSite,
    Refusal,
    RefusalReason,
    Running,
    Ticket,
)

OpenUntil = Callable[[str, datetime], datetime | None]
"""Until when the site with this key, which serves at this aware moment, goes on; None where it is closed."""

LEAST: Final = timedelta(minutes=1)
"""What is left of a day, or until a site closes, is worth no session below this."""

RENEWABLE: Final = timedelta(minutes=15)
"""How long one tap may take to reach its gateway: a slow reader, a gateway that restarts in the middle."""


def always_open(_site: str, _moment: datetime) -> datetime:
    """The hours of a site that never closes."""
    return NEVER


def plan_now(site: PortalSite, now: datetime, open_until: OpenUntil) -> Plan:
    """The site's plan, which ends when the site closes: at a closed one, at once."""
    return replace(site.plan, until=open_until(site.key, now) or now)


def decide(site: PortalSite, arrival: Arrival, now: datetime, open_until: OpenUntil) -> Plan | Refusal:
    """What a phone that arrived at this site's page may have now."""
    if arrival.site != site.key:
        return Refusal(RefusalReason.NOT_RECOGNISED)
    plan = plan_now(site, now, open_until)
    return plan if plan.until - now >= LEAST else Refusal(RefusalReason.SITE_CLOSED)


def renew(ticket: Ticket, running: Running | None, now: datetime) -> Grant | Refusal | FailureReason:
    """Whether one tap stays one tap: a young ticket of a session that still runs is worth a new one.

    The age is judged by our clock alone, because the gateway's may be years away. A ticket that took too long
    failed its citizen; one of a session that is over is refused.
    """
    if now - ticket.issued > RENEWABLE:
        return FailureReason.TICKET_EXPIRED
    if running is None:
        return Refusal(RefusalReason.NOT_RECOGNISED)
    return remainder(running, now)


def remainder(running: Running, now: datetime) -> Grant:
    """What is left of a running session: at least a second, and at least an octet where octets are capped.

    Its own bounds hold, not those of its site's plan of today.
    """
    seconds = max(1, int((running.expires_at - now).total_seconds()))
    octets = max(1, running.octets - running.octets_used) if running.octets else 0
    return Grant(running.session, seconds, octets, running.down_kbps, running.up_kbps, running.octets)
