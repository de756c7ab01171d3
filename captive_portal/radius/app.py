"""The WSGI application that FreeRADIUS's rlm_rest calls over loopback: authorise, account.

No Flask: each packet of every access point comes by here, and Flask would cost more than the answer.
"""

import hmac
import json
import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from captive_portal.radius.attributes import Malformed, report_of, speaker_of, written
from captive_portal.radius.authorise import decide, device_of, refused, speaks_for
from captive_portal.radius.ledger import Ledger
from captive_portal.radius.model import Accept, Holders, RadiusSite, Reject, Speaker

log = logging.getLogger(__name__)

TOKEN_HEADER: Final = "X-Plaza-Radius"  # noqa: S105  the name of the header, not a token
MAX_BODY_OCTETS: Final = 65_536
MIN_TOKEN: Final = 32

_TOKEN: Final = "HTTP_X_PLAZA_RADIUS"  # noqa: S105  the same, as WSGI names it
_LINES: Final = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Failed(Exception):
    """A request that is answered with a status alone."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class Radius:
    """What the answers stand on. `token` is what FreeRADIUS shows with every request."""

    sites: Mapping[str, RadiusSite]
    holders: Holders
    ledger: Ledger
    clock: Callable[[], datetime]
    token: bytes = field(repr=False)

    def authorise(self, site: RadiusSite, body: object) -> tuple[HTTPStatus, bytes]:
        """200 with what an Access-Accept needs, 401 with the reason of an Access-Reject. Raises Malformed."""
        answer = self._decided(site, speaker_of(body))
        if isinstance(answer, Reject):
            log.info("phone refused", extra={"site": site.site, "reason": answer.reason.value})
        status = HTTPStatus.OK if isinstance(answer, Accept) else HTTPStatus.UNAUTHORIZED
        return status, json.dumps(written(answer)).encode()

    def account(self, site: RadiusSite, body: object) -> tuple[HTTPStatus, bytes]:
        """204 once it is stored, and for what can never be stored: to repeat it would mend nothing.

        Raises Malformed.
        """
        report = report_of(body)
        if report is not None and not speaks_for(site, report.speaker):
            log.warning("accounting of a strange access point", extra={"site": site.site})
        elif report is not None:
            self.ledger.account(site, report, self.clock())
        return HTTPStatus.NO_CONTENT, b""

    def _decided(self, site: RadiusSite, speaker: Speaker) -> Accept | Reject:
        reject = refused(site, speaker)
        if reject is not None:
            return reject
        now = self.clock()
        return decide(site, speaker, self.holders.held_by(site.site, device_of(site, speaker), now), now)


class Door:
    """The WSGI application (PEP 3333): who may ask, what is asked, and what is said when it fails."""

    def __init__(self, radius: Radius) -> None:
        self._radius = radius
        self._views = {"authorise": radius.authorise, "account": radius.account}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; every answer is JSON, because rlm_rest logs any other as an error."""
        status, body = self._answer(environ)
        headers = [("Content-Type", "application/json")]
        if status is not HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(len(body))))
        start_response(_LINES[status], headers)
        return [body]

    def _answer(self, environ: Environ) -> tuple[HTTPStatus, bytes]:
        try:
            return self._asked(environ)
        except Failed as failed:
            return failed.status, b"{}"
        except Malformed as error:
            log.warning("request of FreeRADIUS not understood", extra={"error": str(error)})
            return HTTPStatus.BAD_REQUEST, b"{}"
        except SQLAlchemyError as error:
            # FreeRADIUS then says nothing, and the access point asks again; the error's text may hold a row.
            log.error("store failed", extra={"error": type(error).__name__})
            return HTTPStatus.SERVICE_UNAVAILABLE, b"{}"
        except Exception as error:  # noqa: BLE001  a bug is told without its text, which may hold a name
            log.error("request failed", extra={"error": type(error).__name__, "line": _line(error)})
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"{}"

    def _asked(self, environ: Environ) -> tuple[HTTPStatus, bytes]:
        path = environ["PATH_INFO"]
        if path == "/healthz":
            return HTTPStatus.OK, b"{}"  # for the supervisor, who has no token
        shown = environ.get(_TOKEN, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._radius.token):
            log.warning("not FreeRADIUS")
            raise Failed(HTTPStatus.FORBIDDEN)
        key, _, what = path.removeprefix("/radius/").partition("/")
        site, view = self._radius.sites.get(key), self._views.get(what)
        if site is None or view is None or environ["REQUEST_METHOD"] != "POST":
            raise Failed(HTTPStatus.NOT_FOUND)
        return view(site, _body(environ))


def create_app(radius: Radius) -> Door:
    """The application for FreeRADIUS alone, on a listener of its own. Raises ValueError for a short token."""
    if len(radius.token) < MIN_TOKEN:
        raise ValueError(f"the token of FreeRADIUS must have {MIN_TOKEN} octets or more")
    return Door(radius)


def _body(environ: Environ) -> object:
    """The JSON that was sent; None for what is none. Raises Failed."""
    length = environ.get("CONTENT_LENGTH") or "0"
    octets = int(length) if length.isascii() and length.isdigit() else MAX_BODY_OCTETS + 1
    if octets > MAX_BODY_OCTETS:
        raise Failed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return json.loads(environ["wsgi.input"].read(octets))
    except (ValueError, RecursionError):
        return None


def _line(error: Exception) -> str:
    """Where it was raised, as FILE:LINE."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
