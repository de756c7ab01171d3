"""Machine-to-machine HTTP: what the gateways of the sites call, and new devices."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flask import Flask, Response, request
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, Unauthorized

from captive_portal.gateway import signed
from captive_portal.sessions import StoredSessions
from controller.adoption.scripts import PATH
from controller.edge import claiming, protocol
from controller.edge.claiming import Claiming
from controller.errors import ControllerError

log = logging.getLogger(__name__)

NOBODY: Final = bytes(32)
"""Checked against when the site is unknown, so that an unknown site costs the same time and says the same."""


class Malformed(HTTPException):
    """Signed, and still not something a gateway says."""

    code = 400


@dataclass(frozen=True, slots=True)
class Edge:
    """The views and what they stand on."""

    site_keys: Mapping[str, bytes] = field(repr=False)
    sessions: StoredSessions
    clock: Callable[[], datetime]

    def alive(self) -> Response:
        """For the supervisor."""
        return Response("ok\n", mimetype="text/plain")

    def sync(self, site: str) -> Response:
        """Apply what a gateway tells, answer with what it is to do; a repeated call changes nothing."""
        body = request.get_data()
        key = self.site_keys.get(site, NOBODY)
        signature = request.headers.get(signed.HEADER, "")
        if not signed.genuine(key, signed.QUESTION, body, signature) or key is NOBODY:
            log.warning("sync refused", extra={"site": site[:64]})
            raise Unauthorized("not signed with the key of this site")
        question = _question(site, body)
        applied = self.sessions.apply(site, [event.noun() for event in question.events], self.clock())
        answer = protocol.Answer(
            nonce=question.nonce, applied=tuple(applied), dismiss=tuple(self.sessions.dismissals(site))
        )
        said = answer.model_dump_json().encode()
        return _json(200, said, {signed.HEADER: signed.sign(key, signed.ANSWER, said)})


def create_app(
    site_keys: Mapping[str, bytes],
    sessions: StoredSessions,
    clock: Callable[[], datetime],
    claims: Claiming | None = None,
) -> Flask:
    """The edge for gateways whose keys (32 octets each) are given by site, and for devices with a claim."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = protocol.MAX_BODY_OCTETS
    edge = Edge(site_keys, sessions, clock)
    app.add_url_rule("/healthz", "alive", edge.alive, methods=["GET"])
    app.add_url_rule("/gw/<site>/sync", "sync", edge.sync, methods=["POST"])
    if claims is not None:
        app.add_url_rule(PATH, "claim", claims.claim, methods=["POST"])
    app.register_error_handler(ControllerError, claiming.unavailable)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(SQLAlchemyError, _store_failed)
    return app


def _question(site: str, body: bytes) -> protocol.Question:
    """Raises Malformed."""
    try:
        question = protocol.Question.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"{where}: {first['msg']}" if where else first["msg"]) from error
    if question.site != site:
        raise Malformed("site: is not the one in the address")
    return question


def _refused(error: HTTPException) -> Response:
    return _json(error.code or 500, json.dumps({"error": error.description}).encode())


def _store_failed(error: SQLAlchemyError) -> Response:
    log.error("store failed", extra={"error": type(error).__name__})
    return _json(503, b'{"error": "the store is not available, try again"}')


def _json(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body + b"\n" if status != 200 else body, status, headers, mimetype="application/json")
