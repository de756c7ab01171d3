"""From a grant to what brings the phone through its gateway, and on to the page after the tap."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError

from captive_portal import carried, extending, pages
from captive_portal.errors import GatewayFailed
from captive_portal.gateways import leaving
from captive_portal.gateways import opennds_authmon as authmon
from captive_portal.gateways.kinds import gateway_of
from captive_portal.gateways.traits import TRAITS
from captive_portal.grants import OpenUntil, plan_now
from captive_portal.model import (
    Answer,
    Arrival,
    FailureReason,
    Gateway,
    GatewayKind,
    Grant,
    Pending,
    Plan,
    PortalSite,
    PostForm,
    Redirect,
)
from captive_portal.sessions import StoredSessions
from captive_portal.visit import Answered, Onward, Shown, Visit
from captive_portal.waiting import Waiting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admitting:
    """What a phone is answered for whom the site's rules have a grant."""

    sessions: StoredSessions
    waiting: Waiting
    clock: Callable[[], datetime]
    open_until: OpenUntil

    def admitted(self, visit: Visit, arrival: Arrival, grant: Grant, v: str) -> Answered:
        """The way through the gateway; `v` is the sealed arrival, for a page that says it failed."""
        site = visit.here
        now = self.clock()
        grant = extending.hinted(self.sessions, site, grant, plan_now(site, now, self.open_until), now)
        token = _token(site, arrival, grant.session)
        try:
            answer = self.gateway(site, token).admit(arrival, grant, visit.language)
        except GatewayFailed as error:
            log.warning("gateway did not admit", extra={"site": site.key, "reason": error.reason})
            counted(lambda: self.sessions.failed(site.key, FailureReason.GATEWAY_FAILED, self.clock()))
            return Shown("gateway-failed", visit.language, 503, query={"v": v})
        if isinstance(answer, Redirect):
            return Onward(answer.url)
        if isinstance(answer, PostForm):
            return _posted(visit, answer)
        if isinstance(answer, Pending):
            self._wait_for(visit.here, arrival, grant)
            return Shown("wait", visit.language, values={"after": landing(visit, token)})
        self.sessions.opened(site.key, grant.session, self.clock())
        return Onward(landing(visit, token))

    def foreseen(self, site: PortalSite, arrival: Arrival, session: str, plan: Plan) -> Answer | None:
        """What the gateway will be brought, as far as it can be known before the tap."""
        if site.wiring.kind is GatewayKind.PLAZA or TRAITS[site.wiring.kind].calls:
            return None
        grant = Grant(session, int(plan.duration.total_seconds()), plan.octets, plan.down_kbps, plan.up_kbps)
        return self.gateway(site, _token(site, arrival, session)).admit(arrival, grant)

    def gateway(self, site: PortalSite, token: str = "") -> Gateway:
        """With a session's token, it brings the phone to the page of that session."""
        wiring = site.wiring
        if token:
            wiring = replace(wiring, landing=f"{wiring.landing}?s={token}")
        return gateway_of(wiring, self.clock)

    def _wait_for(self, site: PortalSite, arrival: Arrival, grant: Grant) -> None:
        """Keep the grant until its gateway asks for it, where the kind does."""
        if site.wiring.kind is GatewayKind.OPENNDS:
            self.waiting.keep(site, authmon.opening(arrival, grant), self.clock())


def landing(visit: Visit, token: str) -> str:
    """The address of the page after the tap, by the token of its session, seen as this one is."""
    return pages.in_mode(visit, f"/p/{visit.here.key}/online", s=token, lang=visit.language)


def hidden(fields: Mapping[str, str]) -> Markup:
    """Hidden fields of a form, as HTML."""
    lines = (
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return Markup("\n".join(lines))  # noqa: S704  quoted one by one; Markup.format costs six times as much


def counted(write: Callable[[], None]) -> None:
    """Write a number; one that cannot be written costs nobody a page."""
    try:
        write()
    except SQLAlchemyError as error:
        log.warning("not counted", extra={"error": type(error).__name__})


def _token(site: PortalSite, arrival: Arrival, session: str) -> str:
    """The token of a session, with the way out that its phone has at the gateway it came from."""
    return carried.seal_session(site, session, leaving.logout_of(site.wiring, arrival))


def _posted(visit: Visit, answer: PostForm) -> Answered:
    """One tap: the same form goes on to the gateway. A tap that came of another page shows a button."""
    if all(visit.form.get(name) == value for name, value in answer.fields.items()):
        return Onward(answer.url, 307)
    return Shown(
        "carry",
        visit.language,
        private={"hidden": str(hidden(answer.fields)), "action": str(escape(answer.url))},
        targets=(answer.url,),
    )
