"""The views after the tap: how long a phone is online, more time, and how it leaves."""

from dataclasses import dataclass, replace
from datetime import datetime

from captive_portal import carried, extending, grants, pages
from captive_portal.admitting import counted, hidden, landing
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways import leaving
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.gateways.traits import brings, polls
from captive_portal.model import (
    Arrival,
    FailureReason,
    GatewayKind,
    Plan,
    PortalSite,
    PostForm,
    Refusal,
    RefusalReason,
    Standing,
)
from captive_portal.portal import Portal
from captive_portal.visit import Answered, Onward, Shown, Visit
from captive_portal.waiting import Door
from captive_portal.wishes import Wish


@dataclass(frozen=True, slots=True)
class After:
    """The views of whoever has a session at this portal."""

    portal: Portal

    def renew(self, visit: Visit) -> Answered:
        """A ticket that reached its gateway too late comes back once more, so that one tap stays one tap."""
        site, now = visit.here, self.portal.clock()
        if site.wiring.kind is not GatewayKind.PLAZA:
            raise ArrivalInvalid(site.key, "no gateway of this kind sends a ticket back")
        ticket = PlazaGateway(site.wiring, self.portal.clock).renew(visit.query)
        visit = replace(visit, args={**visit.args, "lang": ticket.language})
        running = self.portal.sessions.running(site.key, ticket.session, now)
        verdict = grants.renew(ticket, running, now)
        if isinstance(verdict, Refusal):
            return self.portal.refused(visit, verdict)
        if isinstance(verdict, FailureReason):
            counted(lambda: self.portal.sessions.failed(site.key, verdict, now))
            return Shown(RefusalReason.NOT_RECOGNISED.value, visit.language, 403)
        return self.portal.admitting.admitted(visit, ticket.arrival, verdict, v="")

    def extend(self, visit: Visit) -> Answered:
        """More time, for a phone that comes by its gateway; if there is none, its page says how it stands."""
        site, now = visit.here, self.portal.clock()
        admitting = self.portal.admitting
        arrival, token = admitting.gateway(site).read(visit.query), visit.args.get("s", "")
        verdict = self.portal.permitted(site, arrival, now)
        granted = extending.extended(self.portal.sessions, site, arrival, token, verdict, now)
        if isinstance(granted, Refusal):
            return Onward(landing(visit, carried.seal_session(site, arrival.session)))
        return admitting.admitted(visit, arrival, granted, v="")

    def ask(self, visit: Visit) -> Answered:
        """More time, of which the gateway is told by us; the page of the session says what came of it."""
        site, token, now = visit.here, visit.form.get("s", ""), self.portal.clock()
        session, _ = carried.open_either(site, token)
        plan = self.portal.permitted(site, Arrival(site.key, "", "", "", "", session=session), now)
        if isinstance(plan, Plan):
            standing = self.portal.sessions.standing(site.key, session, now, plan)
            wishes = self.portal.wishes
            if extending.wish(wishes, site, session, standing, now) is Wish.POSSIBLE:
                wishes.ask(site, session, plan, now)
        return Onward(landing(visit, token))

    def online(self, visit: Visit) -> Answered:
        """How long it lasts and how to leave. Who comes with its session got through."""
        site, token = visit.here, visit.args.get("s", "")
        if not token:
            leave = f"{site.wiring.api_url}/leave" if _shuts_at_once(visit) else ""
            return Shown("online", visit.language, path=_path(site), values={"leave": leave}, keeps=True)
        (session, is_glance), now = carried.open_either(site, token), self.portal.clock()
        plan = grants.plan_now(site, now, self.portal.open_until)
        standing = self.portal.sessions.standing(site.key, session, now, plan)
        if standing.is_running and brings(site.wiring):
            self.portal.sessions.opened(site.key, session, now)
        door = self.portal.waiting.door(site, session, now) if polls(site.wiring) else Door.OPEN
        if door is not Door.OPEN:
            return self._shut(visit, session, door)
        if not standing.is_running:
            return _over(visit, token, standing)
        wish = extending.wish(self.portal.wishes, site, session, standing, now)
        shown = _status(visit, token, standing, plan, now)
        shown = shown if is_glance else _with_way_out(visit, token, shown)
        return replace(shown, values={**shown.values, "wish": wish.value})

    def leave(self, visit: Visit) -> Answered:
        """A citizen ends the session, on a borrowed telephone.

        Asked of the gateway first, here or by way of the phone; what ends the session is the gateway's word.
        """
        site, token = visit.here, visit.form.get("s", "")
        self.portal.sessions.leave(site.key, carried.open_session(site, token), self.portal.clock())
        out = leaving.way_out(site.wiring, carried.logout_in(site, token))
        if out is None:
            return Shown("left", visit.language)
        return Onward(out.url, 307 if isinstance(out, PostForm) else 303)

    def _shut(self, visit: Visit, session: str, door: Door) -> Shown:
        """The gateway has not fetched the grant yet; after a minute it never will, which is counted once."""
        if door is Door.WAITS:
            return Shown("wait", visit.language, values={"after": landing(visit, visit.args["s"])})
        if self.portal.waiting.give_up(session):
            key, now = visit.here.key, self.portal.clock()
            counted(lambda: self.portal.sessions.failed(key, FailureReason.GATEWAY_AWAY, now))
        return Shown("gateway-failed", visit.language, 503)


def _status(visit: Visit, token: str, standing: Standing, plan: Plan, now: datetime) -> Shown:
    """How a session stands, without a way to end it."""
    site = visit.here
    values = {
        "standing": standing,
        "leave": "",
        "token": token,
        "more": extending.way(site, standing, token, visit.language, now),
        "ask": pages.in_mode(visit, f"/p/{site.key}/extend"),
        "again": landing(visit, token),
        "is_last": extending.is_last(site, standing),
        "closes": extending.closes_then(plan, standing.seconds_left, now),
    }
    return Shown("status", visit.language, path=_path(site), query={"s": token}, values=values)


def _with_way_out(visit: Visit, token: str, shown: Shown) -> Shown:
    """The same page with the button to leave, where a phone can."""
    site = visit.here
    out = leaving.way_out(site.wiring, carried.logout_in(site, token))
    if out is None and not leaving.hears(site.wiring):
        return shown
    leave = pages.in_mode(visit, f"/p/{site.key}/leave")
    taken = hidden(out.fields if isinstance(out, PostForm) else {})
    values = {**shown.values, "leave": leave, "taken": taken}
    return replace(shown, values=values, targets=() if out is None else (out.url,))


def _over(visit: Visit, token: str, standing: Standing) -> Shown:
    ended = {"what": extending.USED_UP.get(standing.cause, ""), "enter": ""}
    return Shown("over", visit.language, path=_path(visit.here), query={"s": token}, values=ended)


def _path(site: PortalSite) -> str:
    return f"/p/{site.key}/online"


def _shuts_at_once(visit: Visit) -> bool:
    """Whether our gateway's own form may be shown: browsers warn of one that leaves HTTPS."""
    wiring = visit.here.wiring
    is_ours = wiring.kind is GatewayKind.PLAZA
    return is_ours and not (visit.is_secure and wiring.api_url.startswith("http://"))
