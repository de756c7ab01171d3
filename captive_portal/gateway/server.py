"""What a phone gets from the gateway: the way to the portal, the door, the way out."""

import logging
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from captive_portal.gateway import capport, notices, pages
from captive_portal.gateway.admission import LANGUAGE, STATUS, Admit, Reason, Refuse
from captive_portal.gateway.backhaul import Lookout
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Away, Blocked
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.web import Request, Response

log = logging.getLogger(__name__)

MAX_FIELDS: Final = 8
HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")
Answer = Callable[[Request, Phone], Response]
OwnPage = tuple[str, Callable[[], Response]]
"""Its address here, and what makes it."""

REDIRECTED: Final = {"Referrer-Policy": "no-referrer"}
PROBED: Final = frozenset(
    {"captive.apple.com", "www.apple.com", "connectivitycheck.gstatic.com", "www.gstatic.com"}
    | {"connectivitycheck.android.com", "clients3.google.com", "www.google.com", "play.googleapis.com"}
    | {"www.msftconnecttest.com", "ipv6.msftconnecttest.com", "www.msftncsi.com"}
    | {"detectportal.firefox.com", "nmcheck.gnome.org", "connectivity-check.ubuntu.com"}
)
"""What phones ask to know whether they are captive: a word of ours in the place of an answer is believed."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Answers phones.

    `portal` is the URL of this site's page, `PORTAL_URL/p/SITE`; `own` and `secure` are our own, over HTTP
    and over TLS (the same where there is none). `internet` knows whether anything at all is there.
    """

    doorkeeper: Doorkeeper
    ruling: Ruling
    portal: str
    own: str
    secure: str
    lookout: Lookout
    internet: Lookout

    def plain(self, request: Request) -> Response:
        """The listener for everything a captive phone asks over plain HTTP."""
        ways = {
            "/grant": self._grant, "/again": self._again, "/leave": self._leave,
            notices.CONTINUE: self._continue,
        }  # fmt: skip
        return self._safely(request, ways.get(request.path, self._way))

    def api(self, request: Request) -> Response:
        """The TLS listener: RFC 8908, and those of our own pages that it names."""
        ways = {capport.PATH: self._state, notices.CONTINUE: self._continue}
        ways |= dict.fromkeys((notices.EMERGENCY, notices.BLOCKED, notices.AWAY, pages.OFFLINE), self._way)
        if request.path not in ways:
            return Response(HTTPStatus.NOT_FOUND)
        return self._safely(request, ways[request.path])

    def _safely(self, request: Request, answer: Answer) -> Response:
        try:
            phone = self.doorkeeper.neighbour(request.caller)
            if phone is None:
                return pages.refusal(Reason.UNKNOWN_PHONE, "")
            if self.doorkeeper.resume([phone]) and self._foreign(request):
                return _redirect(_asked(request), HTTPStatus.FOUND)
            return answer(request, phone)
        except EnforcerFailed as error:
            log.error("enforcer failed", extra={"error": str(error)})
            return pages.refusal(Reason.FAILED, "")

    def _way(self, request: Request, phone: Phone) -> Response:
        # 302, never 200, never the probe's own answer: that is how a phone knows that it is captive
        status = HTTPStatus.FOUND if request.method in {"GET", "HEAD"} else HTTPStatus.SEE_OTHER
        ours = self._own_page(phone)
        if ours and ours[0] == request.path:
            if request.path == notices.EMERGENCY and request.method == "GET":  # HEAD shows nothing
                self.doorkeeper.informed(phone)
            return ours[1]()
        if ours:
            return _redirect(f"{self.own}{ours[0]}", status)
        if self._missing(request, phone):
            return notices.filtered(self.ruling.policy.dns, self.ruling.policy.appeal)
        return self._to("", {"a": self.doorkeeper.arrival(phone)}, status)

    def _own_page(self, phone: Phone) -> OwnPage | None:
        """What we tell this phone ourselves; None where the portal does."""
        emergency = self.ruling.emergency
        if emergency:
            return notices.EMERGENCY, partial(notices.emergency, emergency)
        blocked = self.doorkeeper.barred(phone)
        if blocked:
            return notices.BLOCKED, partial(self._blocked, blocked)
        self.lookout.asked()
        if not self.lookout.down:
            return None
        if self.internet.down:
            return pages.OFFLINE, pages.offline
        return notices.AWAY, partial(self._away, phone)

    def _blocked(self, found: Blocked) -> Response:
        return notices.blocked(found, self.ruling.left_s(found.until), self.ruling.policy.appeal)

    def _away(self, phone: Phone) -> Response:
        if self.doorkeeper.seconds_left(phone) is not None:
            return notices.online()
        policy = self.ruling.policy
        if policy.when_controller_away is not Away.OPEN:
            return notices.silent()
        invitation = self.doorkeeper.invitation(phone)
        return notices.offer(invitation, policy.away) if invitation else notices.had()

    def _continue(self, request: Request, phone: Phone) -> Response:
        ours, policy = self._own_page(phone), self.ruling.policy
        offered = ours is not None and ours[0] == notices.AWAY and policy.when_controller_away is Away.OPEN
        if request.method != "POST" or not offered:
            return self._way(request, phone)
        decision = self.doorkeeper.carry_on(phone, _field(request.query, "v"), policy.away)
        if isinstance(decision, Refuse):
            log.info("button refused", extra={"reason": decision.reason.value})
        return _redirect(notices.AWAY, HTTPStatus.SEE_OTHER)

    def _missing(self, request: Request, phone: Phone) -> bool:
        """Whether a phone that is in asks us for a name of somebody else's, which our DNS says is ours."""
        if not self.ruling.filtered or self.doorkeeper.seconds_left(phone) is None:
            return False
        return self._foreign(request) and request.host not in PROBED

    def _foreign(self, request: Request) -> bool:
        """Whether it meant to ask somebody else."""
        ours = {urlsplit(url).hostname or "" for url in (self.own, self.secure)}
        return HOST.fullmatch(request.host) is not None and request.host not in ours

    def _grant(self, request: Request, phone: Phone) -> Response:
        if request.method != "GET":
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"})
        decision = self.doorkeeper.present(phone, _field(request.query, "g"))
        if isinstance(decision, Refuse):
            log.info("ticket refused", extra={"reason": decision.reason.value})
            return self._refused(decision, phone)
        if isinstance(decision, Admit):
            status = {"s": decision.status} if decision.status else {}
            return self._to("/online", {"lang": decision.language, **status})
        return self._to("/renew", {"a": self.doorkeeper.arrival(phone), "g": decision.ticket})

    def _refused(self, decision: Refuse, phone: Phone) -> Response:
        blocked = self.doorkeeper.barred(phone) if decision.reason is Reason.BLOCKED else None
        return self._blocked(blocked) if blocked else pages.refusal(decision.reason, decision.language)

    def _again(self, request: Request, phone: Phone) -> Response:
        """On to more time for who is in, with the portal's own word for its session."""
        status, language = _field(request.query, "s"), _field(request.query, "lang")
        outside = self.doorkeeper.seconds_left(phone) is None
        if request.method != "GET" or outside or self._own_page(phone) or not STATUS.fullmatch(status):
            return self._way(request, phone)
        known = {"lang": language} if LANGUAGE.fullmatch(language) else {}
        return self._to("/extend", {"a": self.doorkeeper.arrival(phone), "s": status, **known})

    def _leave(self, request: Request, phone: Phone) -> Response:
        if request.method != "POST":
            return self._way(request, phone)
        self.doorkeeper.leave(phone)
        return self._way(request, phone)

    def _state(self, request: Request, phone: Phone) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"})
        ours = self._own_page(phone)
        url = f"{self.portal}?{urlencode({'a': self.doorkeeper.arrival(phone)})}"
        left_s = self.ruling.emergency_left or self.doorkeeper.seconds_left(phone)
        longer = ours is None and self.doorkeeper.extensible(phone)
        body = capport.state(left_s, f"{self.secure}{ours[0]}" if ours else url, longer)
        return Response(HTTPStatus.OK, capport.HEADERS, body)

    def _to(self, page: str, query: Mapping[str, str], status: int = HTTPStatus.SEE_OTHER) -> Response:
        return _redirect(f"{self.portal}{page}?{urlencode(query)}", status)


def _redirect(url: str, status: int) -> Response:
    return Response(status, {**REDIRECTED, "Location": url})


def _asked(request: Request) -> str:
    """The address that it asked for."""
    query = f"?{request.query}" if request.query else ""
    return quote(f"http://{request.host}{request.path}{query}", safe=string.punctuation)


def _field(query: str, name: str) -> str:
    """The value of one field; empty when it is not there or the query is nonsense."""
    try:
        return parse_qs(query, max_num_fields=MAX_FIELDS).get(name, [""])[0]
    except ValueError:
        return ""
