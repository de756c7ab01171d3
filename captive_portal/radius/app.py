"""The HTTP that FreeRADIUS's rlm_rest calls over loopback: authorise, account."""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound

from captive_portal.gateway.ticket import pseudonym
from captive_portal.radius import accounting
from captive_portal.radius.attributes import Malformed, report_of, speaker_of, written
from captive_portal.radius.authorise import SESSION, decide, device_of, refused, speaks_for
from captive_portal.radius.ledger import Ledger
from captive_portal.radius.model import (
    Accept,
    Applying,
    Association,
    Holders,
    RadiusSite,
    Reject,
    Report,
    Speaker,
    Status,
)

log = logging.getLogger(__name__)

TOKEN_HEADER: Final = "X-Plaza-Radius"  # noqa: S105  the name of the header, not a token
MAX_BODY_OCTETS: Final = 65_536
MIN_TOKEN: Final = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Radius:
    """The views and what they stand on. `token` is what FreeRADIUS shows with every request."""

    sites: Mapping[str, RadiusSite]
    holders: Holders
    ledger: Ledger
    sessions: Applying
    clock: Callable[[], datetime]
    token: bytes = field(repr=False)

    def known_caller(self) -> None:
        """Only FreeRADIUS is answered, and the supervisor's question whether we live."""
        shown = request.headers.get(TOKEN_HEADER, "").encode("utf-8", "replace")
        if request.endpoint != "alive" and not hmac.compare_digest(shown, self.token):
            log.warning("not FreeRADIUS", extra={"endpoint": request.endpoint})
            raise Forbidden("no token")

    def alive(self) -> Response:
        """For the supervisor."""
        return Response("ok\n", mimetype="text/plain")

    def authorise(self, site: str) -> Response:
        """200 with what an Access-Accept needs, 401 with the reason of an Access-Reject."""
        at = self._site(site)
        answer = self._decided(at, _read(speaker_of))
        if isinstance(answer, Reject):
            log.info("phone refused", extra={"site": site, "reason": answer.reason.value})
        return _json(200 if isinstance(answer, Accept) else 401, written(answer))

    def account(self, site: str) -> Response:
        """204 once it is stored, and for what can never be stored: to repeat it would mend nothing."""
        at = self._site(site)
        report = _read(report_of)
        if report is not None:
            self._accounted(at, report)
        return Response(status=204, mimetype="application/json")  # rlm_rest logs any other as an error

    def _decided(self, site: RadiusSite, speaker: Speaker) -> Accept | Reject:
        reject = refused(site, speaker)
        if reject is not None:
            return reject
        now = self.clock()
        return decide(site, speaker, self.holders.held_by(site.site, device_of(site, speaker), now), now)

    def _accounted(self, site: RadiusSite, report: Report) -> None:
        now = self.clock()
        nas = pseudonym(site.key, "nas", report.speaker.nas)
        if not speaks_for(site, report.speaker):
            log.warning("accounting of a strange access point", extra={"site": site.site})
            return
        if report.status in (Status.ON, Status.OFF):
            ended = [one for one in self.ledger.rebooted(site.site, nas, now) if not one.alive]
            told = [accounting.rebooted(one.one, one.all_of_it, one.age_s) for one in ended]
            self.sessions.apply(site.site, told, now)
            return
        session = self._session_of(site, report, now)
        if session is None:
            log.warning("accounting of no session of ours", extra={"site": site.site})
            return
        one = Association(accounting.key_of(site, report, session), session)
        stood = self.ledger.record(site.site, nas, (one, report), now)
        told = accounting.events(report, stood.one, stood.all_of_it, stood.alive)
        self.sessions.apply(site.site, told, now)

    def _session_of(self, site: RadiusSite, report: Report, now: datetime) -> str | None:
        """By Class or User-Name; a phone that was let on by its MAC, and whose Class was lost, by that."""
        for label in report.labels:
            if SESSION.fullmatch(label) and self.holders.known(site.site, label):
                return label
        device = device_of(site, report.speaker)
        return self.holders.last_of(site.site, device, now) if device else None

    def _site(self, key: str) -> RadiusSite:
        site = self.sites.get(key)
        if site is None:
            raise NotFound("no such site")
        return site


def create_app(radius: Radius) -> Flask:
    """The application for FreeRADIUS alone, on a listener of its own. Raises ValueError for a short token."""
    if len(radius.token) < MIN_TOKEN:
        raise ValueError(f"the token of FreeRADIUS must have {MIN_TOKEN} octets or more")
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_OCTETS
    app.before_request(radius.known_caller)
    app.add_url_rule("/healthz", "alive", radius.alive, methods=["GET"])
    app.add_url_rule("/radius/<site>/authorise", "authorise", radius.authorise, methods=["POST"])
    app.add_url_rule("/radius/<site>/account", "account", radius.account, methods=["POST"])
    app.register_error_handler(HTTPException, _failed)
    app.register_error_handler(SQLAlchemyError, _store_failed)
    return app


def _read(reader: Callable[[object], T]) -> T:
    """Raises BadRequest."""
    try:
        return reader(request.get_json(force=True, silent=True))
    except Malformed as error:
        log.warning("request of FreeRADIUS not understood", extra={"error": str(error)})
        raise BadRequest(str(error)) from None


def _failed(error: HTTPException) -> Response:
    return _json(error.code or 500, {})


def _store_failed(error: SQLAlchemyError) -> Response:
    """FreeRADIUS then says nothing, and the access point asks again; the error's text may hold a row."""
    log.error("store failed", extra={"error": type(error).__name__})
    return _json(503, {})


def _json(status: int, body: Mapping[str, object]) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer
