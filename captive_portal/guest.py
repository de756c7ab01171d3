"""The portal as a WSGI application: what every phone asks goes past Flask, the rest through it."""

import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, abort, request, send_file
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, NotFound

from captive_portal import audio, capport
from captive_portal.after import After
from captive_portal.errors import ArrivalInvalid
from captive_portal.hosts import LINE, REFUSAL, Hosts
from captive_portal.languages import TRANSLATIONS, catalogues
from captive_portal.leaflets import LEAFLETS
from captive_portal.model import PortalSite
from captive_portal.pages import HEADERS, Pages, Written
from captive_portal.portal import Portal
from captive_portal.visit import Answered, Shown, TooLarge, View, Visit, visit_of

log = logging.getLogger(__name__)

Environ = Mapping[str, Any]
_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def create_app(
    portal: Portal,
    translations: Path = TRANSLATIONS,
    names: Collection[str] = (),
    api: View = capport.nowhere,
) -> "Door":
    """The WSGI application of a portal, in the languages of a folder of catalogues.

    It answers under `names`, hosts without a port, and those of the loopback; `api` answers RFC 8908.
    """
    desk = Desk(portal, Pages(catalogues(translations), portal.clock))
    return Door(desk, _rest(desk, api), Hosts.of(names))


def new_incident() -> str:
    """A number to read out over a telephone and to find in the log."""
    digits = f"{secrets.randbelow(10**8):08d}"
    return f"{digits[:4]}-{digits[4:]}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a request becomes an answer, whatever goes wrong; the same for every address."""

    portal: Portal
    pages: Pages

    def written(self, environ: Environ, site: PortalSite | None, view: View) -> Written:
        """The answer of a view."""
        visit = Visit(site)
        try:
            visit = visit_of(environ, site)
            return self.pages.written(visit, view(visit))
        except TooLarge:
            return self.trouble(visit, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except ArrivalInvalid as error:
            return self.pages.written(visit, self.portal.stranger(visit, error))
        except SQLAlchemyError as error:
            return self._store_failed(visit, error)
        except Exception:  # noqa: BLE001  a bug is a kind page with the number of its log record
            return self._bug(visit, view)

    def shown(self, environ: Environ, name: str, status: int) -> Written:
        """A page that no view shows."""
        visit = visit_of({**environ, "REQUEST_METHOD": "GET"}, None)
        return self.pages.written(visit, Shown(name, visit.language, status))

    def trouble(self, visit: Visit, status: int) -> Written:
        """Something went wrong, with a number that finds it in the log."""
        incident = new_incident()
        log.warning("request refused", extra={"incident": incident, "status": int(status)})
        return self.pages.written(visit, _trouble(visit, incident, status))

    def _store_failed(self, visit: Visit, error: SQLAlchemyError) -> Written:
        """No session, nobody online. The text of the error may hold a row, so only its kind is logged."""
        incident = new_incident()
        if visit.site is not None:
            self.portal.sessions.store_failed(visit.site.key, self.portal.clock())
        log.error("session not stored", extra={"incident": incident, "error": type(error).__name__})
        return self.pages.written(visit, _trouble(visit, incident, HTTPStatus.SERVICE_UNAVAILABLE))

    def _bug(self, visit: Visit, view: View) -> Written:
        """The traceback names our code; the address is left out."""
        incident = new_incident()
        log.exception("page failed", extra={"incident": incident, "view": getattr(view, "__name__", "")})
        return self.pages.written(visit, _trouble(visit, incident, HTTPStatus.INTERNAL_SERVER_ERROR))


class Door:
    """The WSGI application. Flask costs more than the page itself, so what every phone asks is found here."""

    def __init__(self, desk: Desk, rest: Flask, hosts: Hosts) -> None:
        self._desk = desk
        self._hosts = hosts
        self.rest = rest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if not self._hosts.serve(environ):
            start_response(_LINES[HTTPStatus.MISDIRECTED_REQUEST], list(REFUSAL))
            return [LINE]
        parts = environ["PATH_INFO"].split("/")
        portal = self._desk.portal
        asked = (environ["REQUEST_METHOD"], len(parts), parts[-1] if len(parts) == 4 else "")
        view = {("GET", 3, ""): portal.welcome, ("POST", 4, "enter"): portal.enter}.get(asked)
        site = portal.sites.get(parts[2]) if view and parts[1] == "p" else None
        if view is None or site is None:
            return self.rest(environ, start_response)
        written = self._desk.written(environ, site, view)
        headers = [*written.headers, ("Content-Length", str(len(written.body)))]
        start_response(_LINES[written.status], headers)
        return [written.body]


def _rest(desk: Desk, api: View) -> Flask:
    """Every address, those of the door included: here is answered who comes with HEAD, or to no site."""
    app = Flask(__name__, static_folder=None)
    # a corrected address would be a redirect to whatever Host says
    app.url_map.merge_slashes = app.url_map.strict_slashes = False
    portal, after = desk.portal, After(desk.portal)
    views: tuple[tuple[str, View, str], ...] = (
        ("/", portal.home, "GET"),
        ("/healthz", portal.alive, "GET"),
        ("/p/<key>", portal.welcome, "GET"),
        ("/p/<key>", portal.poll, "POST"),
        ("/p/<key>/enter", portal.again, "GET"),
        ("/p/<key>/enter", portal.enter, "POST"),
        ("/p/<key>/renew", after.renew, "GET"),
        ("/p/<key>/extend", after.extend, "GET"),
        ("/p/<key>/extend", after.ask, "POST"),
        ("/p/<key>/online", after.online, "GET"),
        ("/p/<key>/leave", after.leave, "POST"),
        *((f"/p/<key>/{word}", partial(portal.leaflet, word), "GET") for word in LEAFLETS),
        ("/s/<key>", portal.again, "GET"),
        ("/c/<key>", api, "GET"),
    )
    for rule, view, method in views:
        app.add_url_rule(rule, f"{method} {rule}", _answering(desk, view), methods=[method])
    app.add_url_rule("/audio/<language>/<page>.mp3", "audio", _recording, methods=["GET"])
    app.register_error_handler(HTTPException, lambda error: _failed(desk, error))
    return app


def _answering(desk: Desk, view: View) -> Callable[..., Response]:
    def answer(key: str = "") -> Response:
        site = desk.portal.sites.get(key)
        if key and site is None:
            abort(404)
        return _response(desk.written(request.environ, site, view))

    return answer


def _recording(language: str, page: str) -> Response:
    """What a page says, spoken; whole or in parts, as players ask."""
    file = audio.path(language, page)
    if file is None:
        abort(404)
    answer = send_file(file, mimetype="audio/mpeg", conditional=True)
    answer.headers.extend(HEADERS)
    return answer


def _failed(desk: Desk, error: HTTPException) -> Response:
    """No such site or page, or a method that none has."""
    if isinstance(error, NotFound):
        return _response(desk.shown(request.environ, "lost", 404))
    return _response(
        desk.trouble(visit_of({**request.environ, "REQUEST_METHOD": "GET"}, None), error.code or 500)
    )


def _response(written: Written) -> Response:
    return Response(written.body, written.status, list(written.headers))


def _trouble(visit: Visit, incident: str, status: int) -> Answered:
    return Shown("trouble", visit.language, int(status), values={"incident": incident})
