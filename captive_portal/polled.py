"""What a gateway that polls (openNDS at FAS level 3) asks and tells: who may come in, who is, who is gone."""

import logging
from datetime import datetime, timedelta
from typing import Final

from captive_portal.gateways import opennds_authmon as authmon
from captive_portal.gateways.opennds_authmon import Ask
from captive_portal.model import GatewayEvent, PortalSite
from captive_portal.sessions import StoredSessions
from captive_portal.waiting import OLDEST, Waiting

log = logging.getLogger(__name__)

SINCE_RESTART: Final = timedelta(seconds=10)
"""authmon.sh clears what waits five seconds and more after its gateway opened: what is younger is new."""

FETCHED_BEFORE: Final = timedelta(minutes=5)
"""How late the gateway may say that it opened what it fetched in time."""


def answer(site: PortalSite, body: str, waiting: Waiting, sessions: StoredSessions, now: datetime) -> str:
    """The answer to a POST of authmon, once all it told is stored. Raises ArrivalInvalid."""
    asked = authmon.hear(site.wiring, body)
    least = SINCE_RESTART if asked.ask is Ask.CLEAR else timedelta(0)
    most = FETCHED_BEFORE if authmon.tells(asked) else OLDEST
    waits = waiting.of(site, now, least, most)
    reply = authmon.reply(asked, waits)
    done = [one.session for one in waits if one.rhid in reply.done]
    if authmon.tells(asked) and done:
        opened = [GatewayEvent(f"opened-{session}", "opened", session, 0) for session in done]
        sessions.apply(site.key, opened, now)
    waiting.done(done)
    if asked.ask is Ask.DEAUTHED:
        _parted(site, authmon.parting(site.wiring, asked), sessions, now)
    return reply.text


def _parted(site: PortalSite, one: authmon.Parting, sessions: StoredSessions, now: datetime) -> None:
    if not one.session:
        log.warning("gateway let go of a phone without its session", extra={"site": site.key})
        return
    used = (one.seconds, one.octets_down, one.octets_up)
    sessions.apply(site.key, [GatewayEvent(one.id, "closed", one.session, 0, *used, one.cause)], now)
