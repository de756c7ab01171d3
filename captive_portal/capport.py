"""The Captive Portal API (RFC 8908) for phones behind other makers' gateways.

`captive` is about one phone, so whoever answers has to know which one asks (RFC 8908 §4). All phones of a
site reach a portal far away from one address, and most gateways hand out one URL to all of them: to these
nothing is told, for what is not known is not claimed. CoovaChilli can put the number of its own session, the
Acct-Session-Id of its accounting, into the URL that it gives each phone (`%{s}` in `captiveportalapi_uri`,
its pull request 610): that one is answered, from what its RADIUS accounting told us. Unverified against a
running CoovaChilli. Our own gateway and uspot answer by themselves.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, or_, select

from captive_portal import carried, extending
from captive_portal.grants import OpenUntil, always_open, plan_now
from captive_portal.model import GatewayKind, PortalSite, Standing
from captive_portal.radius.accounting import key_under
from captive_portal.radius.tables import associations
from captive_portal.sessions import StoredSessions
from captive_portal.visit import Plain, Visit

TOLD_APART: Final = frozenset({GatewayKind.COOVACHILLI})
"""The kinds that can give each phone a URL of its own."""

KIND: Final = "application/captive+json"
ELSEWHERE: Final = Plain(b"no captive portal API here\n", status=404)

NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
LATELY: Final = timedelta(days=1)
"""How long an ended session's number is known as such: longer than a phone keeps its DHCP lease unrenewed."""


def state(standing: Standing | None, portal_url: str, longer_url: str = "") -> bytes:
    """The answer for a phone whose session stands so; None: it has none.

    `longer_url` is the page where its session can be made longer, "" where none can.
    """
    runs = standing is not None and standing.is_running
    said: dict[str, bool | int | str] = {
        "captive": not runs,
        "user-portal-url": longer_url or portal_url,
        "can-extend-session": bool(longer_url),
    }
    if standing is not None and runs:
        said["seconds-remaining"] = standing.seconds_left
        if standing.octets_left is not None:
            said["bytes-remaining"] = standing.octets_left
    return json.dumps(said).encode()


@dataclass(frozen=True, slots=True)
class Told:
    """The session that a number stands for at its gateway, and whether it stands for it no more."""

    session: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Api:
    """Answers `/c/SITE?s=NUMBER`.

    `nas` holds, by its key, each site of a kind of TOLD_APART whose RADIUS accounting comes to us, with the
    NAS-Identifiers or addresses under which it comes. `open_until` tells how long a site serves yet.
    """

    engine: Engine
    nas: Mapping[str, frozenset[str]]
    clock: Callable[[], datetime]
    open_until: OpenUntil = always_open

    def answer(self, visit: Visit) -> Plain:
        """The state of the phone that was given this number; 404 where it cannot be known.

        After a session CoovaChilli counts on, and the phone learns its new number with its next lease: the
        old one then says nothing of it any more. Both URLs have to be https (RFC 8908 §4.1, §5).
        """
        site, number = visit.here, visit.args.get("s", "")
        portal_url = site.wiring.portal_url
        if site.key not in self.nas or not portal_url.startswith("https://") or not NUMBER.fullmatch(number):
            return ELSEWHERE
        now = self.clock()
        told = self._told(site, number, now)
        if told is not None and told.ended:
            return ELSEWHERE
        if told is None:
            return Plain(state(None, portal_url), KIND)
        plan = plan_now(site, now, self.open_until)
        standing = StoredSessions(self.engine).standing(site.key, told.session, now, plan)
        return Plain(state(standing, portal_url, _longer_url(site, told.session, standing)), KIND)

    def _told(self, site: PortalSite, number: str, now: datetime) -> Told | None:
        """What accounting said of this number. Only keyed hashes are kept of them, so each is compared."""
        row, since = associations.c, int((now - LATELY).timestamp())
        known = or_(row.acctstoptime.is_(None), row.acctstoptime >= since)
        wanted = select(row.association, row.acctuniqueid, row.acctstoptime).where(
            row.site == site.key, known
        )
        with self.engine.connect() as connection:
            found = connection.execute(wanted).all()
        for association, session, stopped in found:
            if association in self._hashes(site, number, session):
                return Told(session, stopped is not None)
        return None

    def _hashes(self, site: PortalSite, number: str, session: str) -> set[str]:
        """What an association of this number is kept under, whichever of its names the gateway used."""
        key, all_nas = site.wiring.key, self.nas[site.key]
        return {key_under(key, nas, number, session) for nas in all_nas}


def _longer_url(site: PortalSite, session: str, standing: Standing) -> str:
    """The page of a session to which more time may be given before its end; "" where none may."""
    landing = site.wiring.landing
    may = extending.by_request(site) and standing.extendable_at is not None
    return (
        f"{landing}?s={carried.seal_glance(site, session)}" if may and landing.startswith("https://") else ""
    )


def nowhere(_visit: Visit) -> Plain:
    """For a portal that can tell no phones apart."""
    return ELSEWHERE
