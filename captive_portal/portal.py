"""The views of the portal: from a visit of a phone to its answer."""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Self

from markupsafe import Markup, escape
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from captive_portal import carried, extending, grants, notice, pages, polled
from captive_portal.errors import ArrivalInvalid, GatewayFailed
from captive_portal.gateways import opennds_authmon as authmon
from captive_portal.gateways.kinds import gateway_of
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.gateways.traits import TRAITS, arrives, brings, is_online, polls
from captive_portal.grants import OpenAt, always_open
from captive_portal.leaflets import leaflets
from captive_portal.model import (
    Answer,
    Arrival,
    FailureReason,
    Gateway,
    GatewayKind,
    Grant,
    Past,
    Pending,
    Plan,
    PortalSite,
    PostForm,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.notice_words import words
from captive_portal.press import place
from captive_portal.retention import Retention
from captive_portal.sessions import StoredSessions
from captive_portal.uplink import connected
from captive_portal.visit import Answered, Onward, Plain, Shown, Visit
from captive_portal.voucher_throttle import Throttle
from captive_portal.vouchers import Vouchers
from captive_portal.waiting import Door, Waiting

log = logging.getLogger(__name__)

USUAL: Final = Retention()
CODE: Final = re.compile(r"[A-Za-z0-9-]{1,20}")
"""What a voucher's picture may put into an address."""

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,4096}")

ABOUT_VOUCHERS: Final = frozenset(
    {
        RefusalReason.VOUCHER_NEEDED,
        RefusalReason.VOUCHER_UNKNOWN,
        RefusalReason.VOUCHER_EXPIRED,
        RefusalReason.VOUCHER_USED,
        RefusalReason.VOUCHER_WAIT,
    }
)


@dataclass(frozen=True, slots=True)
class Portal:
    """The views and what they stand on; `open_at(site key, moment)` tells whether a site serves.

    `cut_off` tells whether there is no Internet behind it now.
    """

    sites: Mapping[str, PortalSite]
    sessions: StoredSessions
    vouchers: Vouchers
    waiting: Waiting
    clock: Callable[[], datetime]
    open_at: OpenAt = always_open
    throttle: Throttle = field(default_factory=Throttle)
    retention: Retention = field(default_factory=Retention)
    cut_off: Callable[[], bool] = connected

    @classmethod
    def over(
        cls,
        engine: Engine,
        sites: Mapping[str, PortalSite],
        clock: Callable[[], datetime],
        open_at: OpenAt = always_open,
        retention: Retention = USUAL,
    ) -> Self:
        """The portal of these sites with all that it keeps in one store."""
        stores = StoredSessions(engine, retention.day_begins), Vouchers(engine), Waiting(engine)
        return cls(sites, *stores, clock, open_at, retention=retention)

    def home(self, visit: Visit) -> Answered:
        """For whoever types the portal's bare address."""
        return Shown("home", visit.language)

    def alive(self, _visit: Visit) -> Answered:
        """For the supervisor."""
        return Plain(b"ok\n")

    def welcome(self, visit: Visit) -> Answered:
        """The page with the button, for a phone its gateway vouches for; kind advice for any other."""
        site, now = visit.here, self.clock()
        if not arrives(frozenset(visit.args)):
            code = visit.args.get("c", "") if site.vouchers else ""
            known = code if CODE.fullmatch(code) else ""
            return Shown(
                "connect", visit.language, query={"c": known} if known else {}, values={"code": known}
            )
        token, arrival, session = self._arrived(visit, now)
        if is_online(arrival):
            return Onward(pages.in_mode(visit, f"/p/{site.key}/online"))
        if arrival.session and self.sessions.running(site.key, arrival.session, now):
            return Onward(self._landing(visit, arrival.session))
        past = self._past(site, arrival, now)
        verdict = extending.unless_over(site, self._permitted(site, arrival, now), past)
        if isinstance(verdict, Refusal):
            return self._refused(visit, verdict, v=token)
        self.sessions.seen(site.key, now)
        ended = extending.USED_UP.get(past.cause, "")
        return self._button(visit, token, self._foreseen(site, arrival, session, verdict), ended)

    def _past(self, site: PortalSite, arrival: Arrival, now: datetime) -> Past:
        """What this phone has had; a store that cannot tell costs nobody the page."""
        try:
            return self.sessions.past(site, arrival.device, now)
        except SQLAlchemyError as error:
            log.warning("past not read", extra={"error": type(error).__name__})
            return Past()

    def _permitted(self, site: PortalSite, arrival: Arrival, now: datetime) -> Plan | Refusal:
        """What the site's rules give, unless it would be nothing: without Internet nobody's time begins."""
        verdict = grants.decide(site, arrival, now, self.open_at)
        return Refusal(RefusalReason.NO_INTERNET) if isinstance(verdict, Plan) and self.cut_off() else verdict

    def _decided(self, visit: Visit, arrival: Arrival, now: datetime) -> Plan | Refusal:
        """What this tap may have: the site's plan, or its voucher's."""
        site = visit.here
        verdict = self._permitted(site, arrival, now)
        if isinstance(verdict, Refusal) or not site.vouchers:
            return verdict
        code = visit.form.get("code", "")
        if not code.strip():
            return Refusal(RefusalReason.VOUCHER_NEEDED)
        guess = (site.key, arrival.device, visit.address, now)
        if self.throttle.wait(*guess):
            return Refusal(RefusalReason.VOUCHER_WAIT)
        redeemed = self.vouchers.redeem(site, code, arrival.device, now)
        if redeemed == Refusal(RefusalReason.VOUCHER_UNKNOWN):
            self.throttle.failed(*guess)
        return redeemed

    def again(self, visit: Visit) -> Answered:
        """To the site's page: from its short address, or when a reload after the tap asks with GET."""
        return Onward(pages.in_mode(visit, f"/p/{visit.here.key}"))

    def enter(self, visit: Visit) -> Answered:
        """The tap: a session that is stored before the phone is sent on with its ticket."""
        site, now = visit.here, self.clock()
        token = visit.form.get("v", "")
        held = carried.open_arrival(site, token, now)
        verdict = self._decided(visit, held.arrival, now)
        if isinstance(verdict, Refusal):
            return self._refused(visit, verdict, v=token)
        granted = self.sessions.open(
            site,
            held.arrival,
            verdict,
            now,
            session=held.session,
            notice=self._noticed(site, now),
        )
        if isinstance(granted, Refusal):
            return self._page_of(visit, granted, v=token)
        return self._admitted(visit, held.arrival, granted, v=token)

    def _noticed(self, site: PortalSite, now: datetime) -> str:
        """The version of the notice in force, whose words are in the store on return."""
        version = notice.version(site, self.retention)
        self.sessions.publish(version, site.municipality, partial(words, site, self.retention), now)
        return version

    def renew(self, visit: Visit) -> Answered:
        """A ticket that reached its gateway too late comes back once more, so that one tap stays one tap."""
        site, now = visit.here, self.clock()
        if site.wiring.kind is not GatewayKind.PLAZA:
            raise ArrivalInvalid(site.key, "no gateway of this kind sends a ticket back")
        ticket = PlazaGateway(site.wiring, self.clock).renew(visit.query)
        visit = replace(visit, args={**visit.args, "lang": ticket.language})
        running = self.sessions.running(site.key, ticket.session, now)
        verdict = grants.renew(ticket, running, now)
        if isinstance(verdict, Refusal):
            return self._refused(visit, verdict)
        return self._admitted(visit, ticket.arrival, verdict, v="")

    def extend(self, visit: Visit) -> Answered:
        """More time, for a phone that comes by its gateway; if there is none, its page says how it stands."""
        site, now = visit.here, self.clock()
        arrival, token = self._gateway(site).read(visit.query), visit.args.get("s", "")
        verdict = self._permitted(site, arrival, now)
        granted = extending.extended(self.sessions, site, arrival, token, verdict, now)
        if isinstance(granted, Refusal):
            return Onward(self._landing(visit, arrival.session))
        return self._admitted(visit, arrival, granted, v="")

    def online(self, visit: Visit) -> Answered:
        """The page after: how long it lasts and how to leave. Who comes with its session got through."""
        site, token = visit.here, visit.args.get("s", "")
        path = f"/p/{site.key}/online"
        if not token:
            leave = f"{site.wiring.api_url}/leave" if _shuts_at_once(visit) else ""
            return Shown("online", visit.language, path=path, values={"leave": leave}, keeps=True)
        session, now = carried.open_session(site, token), self.clock()
        standing = self.sessions.standing(site.key, session, now, site.plan)
        if standing.is_running and brings(site.wiring):
            self.sessions.opened(site.key, session, now)
        door = self.waiting.door(site, session, now) if polls(site.wiring) else Door.OPEN
        if door is not Door.OPEN:
            return self._shut(visit, session, door)
        if not standing.is_running:
            ended: dict[str, str] = {"what": extending.USED_UP.get(standing.cause, ""), "enter": ""}
            return Shown("over", visit.language, path=path, query={"s": token}, values=ended)
        leave = pages.in_mode(visit, f"/p/{site.key}/leave") if TRAITS[site.wiring.kind].leaves else ""
        more = extending.way(site, standing, token, visit.language, now)
        values = {"standing": standing, "leave": leave, "token": token, "more": more}
        values["is_last"] = extending.is_last(site, standing)
        return Shown("status", visit.language, path=path, query={"s": token}, values=values)

    def _shut(self, visit: Visit, session: str, door: Door) -> Answered:
        """The gateway has not fetched the grant yet; after a minute it never will, which is counted once."""
        if door is Door.WAITS:
            return Shown("wait", visit.language, values={"after": self._landing(visit, session)})
        if self.waiting.give_up(session):
            site, now = visit.here, self.clock()
            self._count(lambda: self.sessions.failed(site.key, FailureReason.GATEWAY_AWAY, now))
        return Shown("gateway-failed", visit.language, 503)

    def poll(self, visit: Visit) -> Answered:
        """openNDS asks who may come in, or tells who is gone; it proves nothing, so through a tunnel only."""
        site, now = visit.here, self.clock()
        if not polls(site.wiring):
            raise ArrivalInvalid(site.key, "no gateway of this kind polls")
        return Plain(polled.answer(site, visit.body, self.waiting, self.sessions, now).encode())

    def leaflet(self, word: str, visit: Visit) -> Answered:
        """A page that only informs; it keeps the arrival, for the way back."""
        site, kept = visit.here, visit.args.get("v", "")
        held = {"v": kept} if TOKEN.fullmatch(kept) else {}
        values = leaflets(self.retention)[word](site)
        return Shown(word, visit.language, path=f"/p/{site.key}/{word}", query=held, values=values)

    def leave(self, visit: Visit) -> Answered:
        """A citizen ends the session, on a borrowed telephone."""
        site = visit.here
        self.sessions.leave(site.key, carried.open_session(site, visit.form.get("s", "")), self.clock())
        return Shown("left", visit.language)

    def _arrived(self, visit: Visit, now: datetime) -> tuple[str, Arrival, str]:
        """The sealed arrival, new or as it was, what it holds, and the session it would have."""
        site = visit.here
        token = visit.args.get("v", "")
        if token:
            held = carried.open_arrival(site, token, now)
            return token, held.arrival, held.session
        arrival = self._gateway(site).read(visit.query)
        session = secrets.token_hex(16)
        return carried.seal_arrival(site, arrival, session, now), arrival, session

    def _button(self, visit: Visit, token: str, foreseen: Answer | None, ended: str) -> Shown:
        """The page with the button, whose form holds what the gateway will take of it after the tap.

        `ended` is what the phone had used up when its last session ended, if that was lately.
        """
        taken = foreseen.fields if isinstance(foreseen, PostForm) else {}
        enter = pages.in_mode(visit, f"/p/{visit.here.key}/enter")
        return Shown(
            "voucher" if visit.here.vouchers else "over" if ended else "welcome",
            visit.language,
            query={"v": place("token")},
            private={"token": token, "taken": str(_hidden(taken))},
            values={"enter": enter, "reason": "", "what": ended, "hidden": _form(visit.language)},
            targets=_targets(foreseen),
            keeps=True,
        )

    def _foreseen(self, site: PortalSite, arrival: Arrival, session: str, plan: Plan) -> Answer | None:
        """What the gateway will be brought, as far as it can be known before the tap."""
        if site.wiring.kind is GatewayKind.PLAZA or TRAITS[site.wiring.kind].calls:
            return None
        grant = Grant(session, int(plan.duration.total_seconds()), plan.octets, plan.down_kbps, plan.up_kbps)
        return self._gateway(site, session).admit(arrival, grant)

    def _admitted(self, visit: Visit, arrival: Arrival, grant: Grant, v: str) -> Answered:
        site = visit.here
        grant = extending.hinted(self.sessions, site, grant, self.clock())
        try:
            answer = self._gateway(site, grant.session).admit(arrival, grant, visit.language)
        except GatewayFailed as error:
            log.warning("gateway did not admit", extra={"site": site.key, "reason": error.reason})
            self._count(lambda: self.sessions.failed(site.key, FailureReason.GATEWAY_FAILED, self.clock()))
            return Shown("gateway-failed", visit.language, 503, query={"v": v})
        if isinstance(answer, Redirect):
            return Onward(answer.url)
        if isinstance(answer, PostForm):
            return self._posted(visit, answer)
        if isinstance(answer, Pending):
            return self._pending(visit, arrival, grant)
        self.sessions.opened(site.key, grant.session, self.clock())
        return Onward(self._landing(visit, grant.session))

    def _posted(self, visit: Visit, answer: PostForm) -> Answered:
        """One tap: the same form goes on to the gateway. A tap that came of another page shows a button."""
        if all(visit.form.get(name) == value for name, value in answer.fields.items()):
            return Onward(answer.url, 307)
        return Shown(
            "carry",
            visit.language,
            private={"hidden": str(_hidden(answer.fields)), "action": str(escape(answer.url))},
            targets=(answer.url,),
        )

    def _pending(self, visit: Visit, arrival: Arrival, grant: Grant) -> Answered:
        if visit.here.wiring.kind is GatewayKind.OPENNDS:
            self.waiting.keep(visit.here, authmon.opening(arrival, grant), self.clock())
        return Shown("wait", visit.language, values={"after": self._landing(visit, grant.session)})

    def _gateway(self, site: PortalSite, session: str = "") -> Gateway:
        """With a session, it brings the phone to the page of that session."""
        wiring = site.wiring
        if session:
            wiring = replace(wiring, landing=f"{wiring.landing}?s={carried.seal_session(site, session)}")
        return gateway_of(wiring, self.clock)

    def _landing(self, visit: Visit, session: str) -> str:
        site = visit.here
        token = carried.seal_session(site, session)
        return pages.in_mode(visit, f"/p/{site.key}/online", s=token, lang=visit.language)

    def stranger(self, visit: Visit, error: ArrivalInvalid) -> Shown:
        """Nothing that a stranger sent is shown again."""
        log.info("arrival refused", extra={"site": error.site, "reason": error.reason})
        return self._refused(visit, Refusal(RefusalReason.NOT_RECOGNISED))

    def _refused(self, visit: Visit, refusal: Refusal, **query: str) -> Shown:
        site, now = visit.here, self.clock()
        self._count(lambda: self.sessions.refused(site.key, refusal.reason, now))
        return self._page_of(visit, refusal, **query)

    def _page_of(self, visit: Visit, refusal: Refusal, **query: str) -> Shown:
        if refusal.reason not in ABOUT_VOUCHERS:
            status = 503 if refusal.reason is RefusalReason.NO_INTERNET else 403
            return Shown(refusal.reason.value, visit.language, status, query=query)
        fields = {"v": query["v"], "lang": visit.language}
        enter = pages.in_mode(visit, f"/p/{visit.here.key}/enter")
        values = {"enter": enter, "reason": refusal.reason.value, "hidden": _hidden(fields)}
        return Shown("voucher", visit.language, 403, query=query, values=values)

    def _count(self, write: Callable[[], None]) -> None:
        """A number that cannot be written costs nobody a page."""
        try:
            write()
        except SQLAlchemyError as error:
            log.warning("not counted", extra={"error": type(error).__name__})


@lru_cache
def _form(language: str) -> Markup:
    """The hidden fields of the page with the button, with places for what is one phone's."""
    return _hidden({"v": place("token"), "lang": language}) + Markup(place("taken"))  # noqa: S704  letters


def _hidden(fields: Mapping[str, str]) -> Markup:
    """Hidden fields of a form, as HTML."""
    lines = (
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return Markup("\n".join(lines))  # noqa: S704  quoted one by one; Markup.format costs six times as much


def _targets(foreseen: Answer | None) -> tuple[str, ...]:
    """Where the form of a page may lead besides here: CSP asks at each redirect."""
    return (foreseen.url,) if isinstance(foreseen, Redirect | PostForm) else ()


def _shuts_at_once(visit: Visit) -> bool:
    """Whether our gateway's own form may be shown: browsers warn of one that leaves HTTPS."""
    wiring = visit.here.wiring
    is_ours = wiring.kind is GatewayKind.PLAZA
    return is_ours and not (visit.is_secure and wiring.api_url.startswith("http://"))
