"""More time before the end of a session, and what a citizen sees who comes back after it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from captive_portal import carried
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways import lengthening
from captive_portal.gateways.traits import TRAITS
from captive_portal.grants import LEAST
from captive_portal.model import Arrival, Grant, Past, Plan, PortalSite, Refusal, RefusalReason, Standing
from captive_portal.sessions import StoredSessions
from captive_portal.wishes import Wish, Wishes

USED_UP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Session-Timeout": "time",
        "unreported": "time",
        "Octet-Limit": "octets",
        "Octets-Limit": "octets",
    }
)
"""What had been used up when a session ended by this cause (RFC 2866, and our words): by others nothing."""


def by_ticket(site: PortalSite) -> bool:
    """Whether a running session is made longer by the phone's way through the gateway, as it was begun.

    Never where a voucher bounds it.
    """
    return TRAITS[site.wiring.kind].extends and not site.vouchers


def by_request(site: PortalSite) -> bool:
    """Whether a running session is made longer by asking the gateway. Never where a voucher bounds it."""
    return lengthening.works(site) and not site.vouchers


def wish(wishes: Wishes, site: PortalSite, session: str, standing: Standing, now: datetime) -> Wish:
    """How it stands with more time that the gateway is asked for; POSSIBLE only when it is time to ask."""
    if not by_request(site):
        return Wish.NONE
    found, since = wishes.of(site, session, now), standing.extendable_at
    is_early = since is None or now <= since
    return Wish.NONE if found is Wish.POSSIBLE and is_early else found


def way(site: PortalSite, standing: Standing, token: str, language: str, now: datetime) -> str:
    """Where the button for more time leads: through the gateway, which vouches for the phone; "" = no button.

    `token` is the sealed session, so that no other page can have it prolonged.
    """
    since = standing.extendable_at
    if not by_ticket(site) or since is None or now <= since:
        return ""
    return f"{site.wiring.api_url}/again?{urlencode({'s': token, 'lang': language})}"


def is_last(site: PortalSite, standing: Standing) -> bool:
    """Whether the day gives nothing after this session."""
    return bool(site.plan.daily) and not site.vouchers and standing.extendable_at is None


def closes_then(plan: Plan, seconds: int, now: datetime) -> bool:
    """Whether the site closes when so many seconds are over; `plan` is the site's of now."""
    return plan.until - now - timedelta(seconds=seconds) < LEAST


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
    if not by_ticket(site):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    once = pseudonym(site.wiring.key, "again", arrival.nonce)
    return sessions.extend(site, arrival.session, verdict, now, once=once, arrival=arrival)


def hinted(sessions: StoredSessions, site: PortalSite, grant: Grant, plan: Plan, now: datetime) -> Grant:
    """The grant with word for its gateway whether more time may be given before its end, of `plan`."""
    if not by_ticket(site) or closes_then(plan, grant.seconds, now):
        return grant
    if not plan.daily:
        return replace(grant, longer=True)
    standing = sessions.standing(site.key, grant.session, now, plan)
    return replace(grant, longer=standing.extendable_at is not None)
