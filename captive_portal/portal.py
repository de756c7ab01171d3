"""The views of the portal until the tap, and the one the gateways poll: from a visit to its answer."""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Self
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from captive_portal import carried, extending, grants, notice, own_probe, pages, polled
from captive_portal.admitting import Admitting, counted, hidden, landing
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.traits import arrives, is_online, polls
from captive_portal.grants import OpenUntil, always_open
from captive_portal.leaflets import leaflets
from captive_portal.model import (
    Answer,
    Arrival,
    Past,
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
from captive_portal.waiting import Waiting
from captive_portal.wishes import Wishes

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


AFTER_A_TAP: Final = frozenset(one.value for one in RefusalReason) - {RefusalReason.NOT_RECOGNISED.value}


@dataclass(frozen=True, slots=True)
class Portal:
    """The views and what they stand on; `open_until(site key, moment)` tells how long a site serves yet.

    `cut_off` tells whether there is no Internet behind it now.
    """

    sites: Mapping[str, PortalSite]
    sessions: StoredSessions
    vouchers: Vouchers
    waiting: Waiting
    wishes: Wishes
    clock: Callable[[], datetime]
    open_until: OpenUntil = always_open
    throttle: Throttle = field(default_factory=Throttle)
    retention: Retention = field(default_factory=Retention)
    cut_off: Callable[[], bool] = connected

    @classmethod
    def over(
        cls,
        engine: Engine,
        sites: Mapping[str, PortalSite],
        clock: Callable[[], datetime],
        open_until: OpenUntil = always_open,
        retention: Retention = USUAL,
    ) -> Self:
        """The portal of these sites with all that it keeps in one store."""
        stores = StoredSessions(engine, retention.day_begins), Vouchers(engine), Waiting(engine)
        return cls(sites, *stores, Wishes(engine), clock, open_until, retention=retention)

    @property
    def admitting(self) -> Admitting:
        """What a phone with a grant is answered."""
        return Admitting(self.sessions, self.waiting, self.clock, self.open_until)

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
            return Onward(landing(visit, carried.seal_session(site, arrival.session)))
        why = _why(visit)
        if why and why not in ABOUT_VOUCHERS:
            return self._page_of(visit, Refusal(why), v=token, why=why.value)
        past = self._past(site, arrival, now)
        verdict = extending.unless_over(site, self.permitted(site, arrival, now), past)
        is_probe = own_probe.is_ours(site, arrival.device, now)
        if isinstance(verdict, Refusal):
            return (self._page_of if is_probe else self.refused)(visit, verdict, v=token)
        if "v" not in visit.args and not is_probe:
            self.sessions.seen(site.key, now)
        ended = extending.USED_UP.get(past.cause, "")
        foreseen = self.admitting.foreseen(site, arrival, session, verdict)
        closes = closing(site, verdict, now)
        return self._button(visit, token, foreseen, ended, closes)

    def _past(self, site: PortalSite, arrival: Arrival, now: datetime) -> Past:
        """What this phone has had; a store that cannot tell costs nobody the page."""
        try:
            return self.sessions.past(site, arrival.device, now)
        except SQLAlchemyError as error:
            log.warning("past not read", extra={"error": type(error).__name__})
            return Past()

    def permitted(self, site: PortalSite, arrival: Arrival, now: datetime) -> Plan | Refusal:
        """What the site's rules give, unless it would be nothing: without Internet nobody's time begins."""
        verdict = grants.decide(site, arrival, now, self.open_until)
        return Refusal(RefusalReason.NO_INTERNET) if isinstance(verdict, Plan) and self.cut_off() else verdict

    def _decided(self, visit: Visit, arrival: Arrival, now: datetime) -> Plan | Refusal:
        """What this tap may have: the site's plan, or its voucher's."""
        site = visit.here
        verdict = self.permitted(site, arrival, now)
        if isinstance(verdict, Refusal) or not site.vouchers:
            return verdict
        code = visit.form.get("code", "")
        if not code.strip():
            return Refusal(RefusalReason.VOUCHER_NEEDED)
        if self.sessions.is_full(site, arrival.device, now):
            return Refusal(RefusalReason.SITE_FULL)  # before the voucher's time begins
        guess = (site.key, arrival.device, visit.address, now)
        if self.throttle.wait(*guess):
            return Refusal(RefusalReason.VOUCHER_WAIT)
        redeemed = self.vouchers.redeem(site, code, arrival.device, now)
        if redeemed == Refusal(RefusalReason.VOUCHER_UNKNOWN):
            self.throttle.failed(*guess)
        return replace(redeemed, until=verdict.until) if isinstance(redeemed, Plan) else redeemed

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
            if not own_probe.is_ours(site, held.arrival.device, now):
                counted(lambda: self.sessions.refused(site.key, verdict.reason, now))
            return _told(visit, verdict, token)
        granted = self.sessions.open(
            site,
            held.arrival,
            verdict,
            now,
            session=held.session,
            notice=self._noticed(site, now),
        )
        if isinstance(granted, Refusal):
            return _told(visit, granted, token)
        return self.admitting.admitted(visit, held.arrival, granted, v=token)

    def _noticed(self, site: PortalSite, now: datetime) -> str:
        """The version of the notice in force, whose words are in the store on return."""
        version = notice.version(site, self.retention)
        self.sessions.publish(version, site.municipality, partial(words, site, self.retention), now)
        return version

    def poll(self, visit: Visit) -> Answered:
        """openNDS asks who may come in, or tells who is gone; it proves nothing, so through a tunnel only."""
        site, now = visit.here, self.clock()
        if not polls(site.wiring):
            raise ArrivalInvalid(site.key, "no gateway of this kind polls")
        return Plain(polled.answer(site, visit.body, self.waiting, self.sessions, now).encode())

    def leaflet(self, word: str, visit: Visit) -> Answered:
        """A page that only informs; it keeps the arrival or the session, for the way back."""
        site = visit.here
        held = {one: visit.args[one] for one in ("v", "s") if TOKEN.fullmatch(visit.args.get(one, ""))}
        values = leaflets(self.retention)[word](site)
        return Shown(word, visit.language, path=f"/p/{site.key}/{word}", query=held, values=values)

    def _arrived(self, visit: Visit, now: datetime) -> tuple[str, Arrival, str]:
        """The sealed arrival, new or as it was, what it holds, and the session it would have."""
        site = visit.here
        token = visit.args.get("v", "")
        if token:
            held = carried.open_arrival(site, token, now)
            return token, held.arrival, held.session
        arrival = self.admitting.gateway(site).read(visit.query)
        session = secrets.token_hex(16)
        return carried.seal_arrival(site, arrival, session, now), arrival, session

    def _button(self, visit: Visit, token: str, foreseen: Answer | None, ended: str, closes: str) -> Shown:
        """The page with the button, whose form holds what the gateway will take of it after the tap.

        `ended` is what the phone had used up when its last session ended, if that was lately; `closes` the
        time at which the site closes, if it does before a session's end.
        """
        taken = foreseen.fields if isinstance(foreseen, PostForm) else {}
        why = _why(visit) if visit.here.vouchers else None
        enter = pages.in_mode(visit, f"/p/{visit.here.key}/enter")
        return Shown(
            "voucher" if visit.here.vouchers else "over" if ended else "closing" if closes else "welcome",
            visit.language,
            status=403 if why else 200,
            query={"v": place("token"), **({"why": why} if why else {})},
            private={"token": token, "taken": str(hidden(taken))},
            values={
                "enter": enter,
                "reason": why,
                "what": ended,
                "hidden": _form(visit.language),
                "closes": closes,
            },
            targets=_targets(foreseen),
            keeps=True,
        )

    def stranger(self, visit: Visit, error: ArrivalInvalid) -> Shown:
        """Nothing that a stranger sent is shown again."""
        log.info("arrival refused", extra={"site": error.site, "reason": error.reason})
        return self.refused(visit, Refusal(RefusalReason.NOT_RECOGNISED))

    def refused(self, visit: Visit, refusal: Refusal, **query: str) -> Shown:
        """The page that tells why not, counted; `query` is what its links keep."""
        site, now = visit.here, self.clock()
        counted(lambda: self.sessions.refused(site.key, refusal.reason, now))
        return self._page_of(visit, refusal, **query)

    def _page_of(self, visit: Visit, refusal: Refusal, **query: str) -> Shown:
        status = 503 if refusal.reason is RefusalReason.NO_INTERNET else 403
        return Shown(refusal.reason.value, visit.language, status, query=query)


def closing(site: PortalSite, plan: Plan, now: datetime) -> str:
    """When the site closes, as HH:MM of its zone; "" where a session that begins now ends before."""
    cut = plan.until - now < plan.duration
    return f"{plan.until.astimezone(ZoneInfo(site.zone)):%H:%M}" if cut else ""


def _told(visit: Visit, refusal: Refusal, token: str) -> Onward:
    """To a page of its own that says why not: a phone may reload it or come back to it without a new tap."""
    told = {"v": token, "why": refusal.reason.value, "lang": visit.language}
    return Onward(pages.in_mode(visit, f"/p/{visit.here.key}", **told))


def _why(visit: Visit) -> RefusalReason | None:
    """What the page says of the last tap; a word and no more, for the address could be anybody's."""
    given = visit.args.get("why", "") if "v" in visit.args else ""
    return RefusalReason(given) if given in AFTER_A_TAP else None


@lru_cache
def _form(language: str) -> Markup:
    """The hidden fields of the page with the button, with places for what is one phone's."""
    return hidden({"v": place("token"), "lang": language}) + Markup(place("taken"))  # noqa: S704  letters


def _targets(foreseen: Answer | None) -> tuple[str, ...]:
    """Where the form of a page may lead besides here: CSP asks at each redirect."""
    return (foreseen.url,) if isinstance(foreseen, Redirect | PostForm) else ()
