"""What a phone sees: one page per site, one button, and the way from it to the gateway."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, abort, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, NotFound

from captive_portal import grants, pages
from captive_portal.counts import Counted
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.grants import OpenAt, always_open
from captive_portal.languages import catalogues, choose
from captive_portal.model import PortalSite, Refusal, RefusalReason
from captive_portal.sessions import StoredSessions

log = logging.getLogger(__name__)

MAX_BODY_OCTETS: Final = 8192
STRANGER: Final = Refusal(RefusalReason.NOT_RECOGNISED)


def create_app(
    sites: Mapping[str, PortalSite],
    sessions: StoredSessions,
    clock: Callable[[], datetime],
    open_at: OpenAt = always_open,
) -> Flask:
    """The portal of these sites; `open_at(site key, moment)` tells whether a site serves."""
    app = Guest(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_OCTETS
    app.url_map.merge_slashes = False  # a corrected address would be a redirect to whatever Host says
    pages.set_up(app, catalogues())
    portal = Portal(app, sites, sessions, clock, open_at)
    for rule, view, method in (
        ("/", portal.home, "GET"),
        ("/healthz", portal.alive, "GET"),
        ("/p/<key>", portal.welcome, "GET"),
        ("/p/<key>/enter", portal.again, "GET"),
        ("/p/<key>/enter", portal.enter, "POST"),
        ("/p/<key>/renew", portal.renew, "GET"),
        ("/p/<key>/online", portal.online, "GET"),
    ):
        app.add_url_rule(rule, f"{method} {view.__name__}", view, methods=[method])
    app.register_error_handler(ArrivalInvalid, portal.unrecognised)
    app.register_error_handler(NotFound, portal.lost)
    app.register_error_handler(HTTPException, portal.trouble)
    app.register_error_handler(SQLAlchemyError, portal.store_failed)
    return app


class Guest(Flask):
    """Flask, except that a bug is logged under the number the citizen reads, without the address."""

    def log_exception(self, exc_info: object) -> None:
        """Log a bug; its traceback names our code."""
        g.incident = new_incident()
        fields = {"incident": g.incident, "endpoint": request.endpoint}
        log.error("page failed", exc_info=exc_info, extra=fields)  # type: ignore[arg-type]


def new_incident() -> str:
    """A number to read out over a telephone and to find in the log."""
    digits = f"{secrets.randbelow(10**8):08d}"
    return f"{digits[:4]}-{digits[4:]}"


@dataclass(frozen=True, slots=True)
class Portal:
    """The views and what they stand on."""

    app: Flask
    sites: Mapping[str, PortalSite]
    sessions: StoredSessions
    clock: Callable[[], datetime]
    open_at: OpenAt

    def home(self) -> Response:
        """For whoever types the portal's bare address."""
        return pages.page(self.app, "home")

    def alive(self) -> Response:
        """For the supervisor."""
        return Response("ok\n", mimetype="text/plain")

    def welcome(self, key: str) -> Response:
        """The page with the button, for a phone its gateway vouches for; kind advice for any other."""
        site = self._stand(key, request.args.get("lang", ""))
        token = request.args.get("a", "")
        if not token:
            return pages.page(self.app, "connect")
        arrival = self._gateway(site).read(urlencode({"a": token}))
        verdict = grants.decide(site, arrival, self.clock(), self.open_at)
        if isinstance(verdict, Refusal):
            return self._refused(site, verdict, a=token)
        self._count(site, Counted.PAGES)
        enter = pages.in_mode(f"{pages.site_path(site)}/enter")
        return pages.page(self.app, "welcome", query={"a": token}, arrival=token, enter=enter)

    def again(self, key: str) -> Response:
        """A reload after the tap asks for the answer with GET: back to the page."""
        return _see_other(pages.in_mode(pages.site_path(self._stand(key, ""))))

    def enter(self, key: str) -> Response:
        """The tap: a session that is stored before the phone is sent on with its ticket."""
        site = self._stand(key, request.args.get("lang", ""))
        pages.speak(choose(site.languages, request.form.get("lang", "")))
        token = request.form.get("a", "")
        gateway = self._gateway(site)
        arrival = gateway.read(urlencode({"a": token}))
        verdict = grants.decide(site, arrival, self.clock(), self.open_at)
        if isinstance(verdict, Refusal):
            return self._refused(site, verdict, a=token)
        grant = self.sessions.open(arrival, verdict, g.language, self.clock())
        self._count(site, Counted.GRANTS)
        return _see_other(gateway.admit(arrival, grant, g.language).url)

    def renew(self, key: str) -> Response:
        """A ticket that reached its gateway too late comes back once more, so that one tap stays one tap."""
        site = self._stand(key, "")
        gateway = self._gateway(site)
        ticket = gateway.renew(request.query_string.decode("ascii", "replace"))
        pages.speak(choose(site.languages, ticket.language))
        now = self.clock()
        running = self.sessions.running(site.key, ticket.session, now)
        verdict = grants.renew(site.plan, ticket, running, now)
        if isinstance(verdict, Refusal):
            return self._refused(site, verdict)
        return _see_other(gateway.admit(ticket.arrival, verdict, g.language).url)

    def online(self, key: str) -> Response:
        """The page after: how long it lasts and how to leave."""
        site = self._stand(key, request.args.get("lang", ""))
        leave = "" if _is_mixed(site) else f"{site.gateway_url}/leave"
        return pages.page(self.app, "online", path=f"{pages.site_path(site)}/online", leave=leave)

    def unrecognised(self, error: ArrivalInvalid) -> Response:
        """Nothing that a stranger sent is shown again."""
        return self._refused(self.sites[error.site], STRANGER)

    def lost(self, _error: NotFound) -> Response:
        """No such site or page."""
        return pages.page(self.app, "lost", 404)

    def trouble(self, error: HTTPException) -> Response:
        """Anything else that went wrong, with a number that finds it in the log."""
        status = error.code or 500
        if "incident" not in g:
            g.incident = new_incident()
            log.warning("request refused", extra={"incident": g.incident, "status": status})
        return pages.page(self.app, "trouble", status, incident=g.incident)

    def store_failed(self, error: SQLAlchemyError) -> Response:
        """No session, nobody online. The text of the error may hold a row, so only its kind is logged."""
        incident = new_incident()
        log.error("session not stored", extra={"incident": incident, "error": type(error).__name__})
        return pages.page(self.app, "trouble", 503, incident=incident)

    def _stand(self, key: str, language: str) -> PortalSite:
        site = self.sites.get(key)
        if site is None:
            abort(404)
        pages.stand_at(site)
        pages.speak(choose(site.languages, language))
        return site

    def _gateway(self, site: PortalSite) -> PlazaGateway:
        return PlazaGateway(site.wiring, self.clock)

    def _refused(self, site: PortalSite, refusal: Refusal, **query: str) -> Response:
        self._count(site, Counted.REFUSALS)
        return pages.page(self.app, refusal.reason.value, 403, query=query)

    def _count(self, site: PortalSite, counted: Counted) -> None:
        """A number that cannot be written costs nobody a page."""
        try:
            self.sessions.count(site.key, counted, self.clock())
        except SQLAlchemyError as error:
            fields = {"site": site.key, "counted": counted.value, "error": type(error).__name__}
            log.warning("not counted", extra=fields)


def _is_mixed(site: PortalSite) -> bool:
    """Whether a form to this gateway would frighten the citizen: browsers warn of one that leaves HTTPS."""
    return request.is_secure and site.gateway_url.startswith("http://")


def _see_other(url: str) -> Response:
    return Response(status=303, headers={"Location": url})
