"""More time before the end of a session, and what a citizen sees who comes back after it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from captive_portal import carried
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.traits import TRAITS
from captive_portal.model import Arrival, Grant, Past, Plan, PortalSite, Refusal, RefusalReason, Standing
from captive_portal.sessions import StoredSessions

USED_UP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Session-Timeout": "time",
        "unreported": "time",
        "Octet-Limit": "octets",
        "Octets-Limit": "octets",
    }
)
"""What had been used up when a session ended by this cause (RFC 2866, and our words): by others nothing."""


def offered(site: PortalSite) -> bool:
    """Whether a running session can be made longer here: its gateway can do so, and no voucher bounds it."""
    return TRAITS[site.wiring.kind].extends and not site.vouchers


def way(site: PortalSite, standing: Standing, token: str, language: str, now: datetime) -> str:
    """Where the button for more time leads: through the gateway, which vouches for the phone; "" = no button.

    `token` is the sealed session, so that no other page can have it prolonged.
    """
    since = standing.extendable_at
    if not offered(site) or since is None or now <= since:
        return ""
    return f"{site.wiring.api_url}/again?{urlencode({'s': token, 'lang': language})}"


def is_last(site: PortalSite, standing: Standing) -> bool:
    """Whether the day gives nothing after this session."""
    return bool(site.plan.daily) and not site.vouchers and standing.extendable_at is None


def unless_over(site: PortalSite, verdict: Plan | Refusal, past: Past) -> Plan | Refusal:
    """The verdict for a phone that arrives, whose day may have nothing left of the site's measure."""
    is_over = isinstance(verdict, Plan) and past.day_is_over and not site.vouchers
    return Refusal(RefusalReason.DAY_USED_UP) if is_over else verdict


def extended(
    sessions: StoredSessions,
    site: PortalSite,
    arrival: Arrival,
    token: str,
    verdict: Plan | Refusal,
    now: datetime,
) -> Grant | Refusal:
    """More of what `verdict` gives, for the session that the gateway says this phone is in.

    The page's own token has to say the same; one arrival is worth more time once. Raises ArrivalInvalid.
    """
    if carried.open_session(site, token) != arrival.session:
        raise ArrivalInvalid(site.key, "the page is of another session than the phone")
    if isinstance(verdict, Refusal):
        return verdict
    if not offered(site):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    once = pseudonym(site.wiring.key, "again", arrival.nonce)
    return sessions.extend(site, arrival.session, verdict, now, once=once)


def hinted(sessions: StoredSessions, site: PortalSite, grant: Grant, now: datetime) -> Grant:
    """The grant with word for its gateway whether more time may be given before its end."""
    if not offered(site):
        return grant
    if not site.plan.daily:
        return replace(grant, longer=True)
    standing = sessions.standing(site.key, grant.session, now, site.plan)
    return replace(grant, longer=standing.extendable_at is not None)
