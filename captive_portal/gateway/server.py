"""What a phone gets from the gateway: the way to the portal, the door, the way out."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urlencode

from captive_portal.gateway import capport, pages
from captive_portal.gateway.admission import LANGUAGE, STATUS, Admit, Reason, Refuse
from captive_portal.gateway.backhaul import Lookout
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.web import Request, Response

log = logging.getLogger(__name__)

MAX_FIELDS: Final = 8
Answer = Callable[[Request, Phone], Response]

REDIRECTED: Final = {"Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class Reception:
    """Answers phones; `portal` is the URL of this site's page, `PORTAL_URL/p/SITE`, `own` is our own URL."""

    doorkeeper: Doorkeeper
    portal: str
    own: str
    lookout: Lookout

    def plain(self, request: Request) -> Response:
        """The listener for everything a captive phone asks over plain HTTP."""
        ways = {"/grant": self._grant, "/again": self._again, "/leave": self._leave}
        return self._safely(request, ways.get(request.path, self._way))

    def api(self, request: Request) -> Response:
        """The TLS listener: RFC 8908 alone."""
        if request.path != capport.PATH:
            return Response(HTTPStatus.NOT_FOUND)
        return self._safely(request, self._state)

    def _safely(self, request: Request, answer: Answer) -> Response:
        try:
            phone = self.doorkeeper.neighbour(request.caller)
            if phone is None:
                return pages.refusal(Reason.UNKNOWN_PHONE, "")
            return answer(request, phone)
        except EnforcerFailed as error:
            log.error("enforcer failed", extra={"error": str(error)})
            return pages.refusal(Reason.FAILED, "")

    def _way(self, request: Request, phone: Phone) -> Response:
        # 302, never 200, never the probe's own answer: that is how a phone knows that it is captive
        status = HTTPStatus.FOUND if request.method in {"GET", "HEAD"} else HTTPStatus.SEE_OTHER
        if self.lookout.down:
            at_page = request.path == pages.OFFLINE
            return pages.offline() if at_page else _redirect(f"{self.own}{pages.OFFLINE}", status)
        return self._to("", {"a": self.doorkeeper.arrival(phone)}, status)

    def _grant(self, request: Request, phone: Phone) -> Response:
        if request.method != "GET":
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"})
        decision = self.doorkeeper.present(phone, _field(request.query, "g"))
        if isinstance(decision, Refuse):
            log.info("ticket refused", extra={"reason": decision.reason.value})
            return pages.refusal(decision.reason, decision.language)
        if isinstance(decision, Admit):
            status = {"s": decision.status} if decision.status else {}
            return self._to("/online", {"lang": decision.language, **status})
        return self._to("/renew", {"a": self.doorkeeper.arrival(phone), "g": decision.ticket})

    def _again(self, request: Request, phone: Phone) -> Response:
        """On to more time for who is in, with the portal's own word for its session."""
        status, language = _field(request.query, "s"), _field(request.query, "lang")
        outside = self.doorkeeper.seconds_left(phone) is None
        if request.method != "GET" or outside or self.lookout.down or not STATUS.fullmatch(status):
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
        url = f"{self.portal}?{urlencode({'a': self.doorkeeper.arrival(phone)})}"
        body = capport.state(self.doorkeeper.seconds_left(phone), url, self.doorkeeper.extensible(phone))
        return Response(HTTPStatus.OK, capport.HEADERS, body)

    def _to(self, page: str, query: Mapping[str, str], status: int = HTTPStatus.SEE_OTHER) -> Response:
        return _redirect(f"{self.portal}{page}?{urlencode(query)}", status)


def _redirect(url: str, status: int) -> Response:
    return Response(status, {**REDIRECTED, "Location": url})


def _field(query: str, name: str) -> str:
    """The value of one field; empty when it is not there or the query is nonsense."""
    try:
        return parse_qs(query, max_num_fields=MAX_FIELDS).get(name, [""])[0]
    except ValueError:
        return ""
