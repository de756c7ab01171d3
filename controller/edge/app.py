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
from captive_portal.gateway.monthly import MonthKey
from captive_portal.gateway.policy import Signed
from captive_portal.model import Keys
from captive_portal.sessions import StoredSessions
from controller.adoption.scripts import PATH
from controller.edge import claiming, protocol
from controller.edge.claiming import Claiming
from controller.errors import ControllerError

log = logging.getLogger(__name__)

NOBODY: Final = bytes(32)
"""Checked against when the site or its former key is unknown, so that this costs the same time and says the
same."""

Policies = Callable[[str, int], Signed | None]
"""(site, serial that its gateway follows) → the policy that it is to follow; None when it does."""


def follows(_site: str, _serial: int) -> Signed | None:
    """Every gateway follows what it was built with."""
    return None


Months = Callable[[str], MonthKey | None]
"""Site → the key by which its devices are counted this month; None when they are not."""


def uncounted(_site: str) -> None:
    """No gateway makes marks."""


class Malformed(HTTPException):
    """Signed, and still not something a gateway says."""

    code = 400


@dataclass(frozen=True, slots=True)
class Edge:
    """The views and what they stand on."""

    site_keys: Mapping[str, Keys] = field(repr=False)
    sessions: StoredSessions
    clock: Callable[[], datetime]
    policies: Policies = follows
    months: Months = uncounted

    def alive(self) -> Response:
        """For the supervisor."""
        return Response("ok\n", mimetype="text/plain")

    def sync(self, site: str) -> Response:
        """Apply what a gateway tells, answer with what it is to do; a repeated call changes nothing."""
        body = request.get_data()
        epoch, key = self._signer(site, body, request.headers.get(signed.HEADER, ""))
        question = _question(site, body, epoch)
        now = self.clock()
        have = self.sessions.take(site, question.noun(), now)
        policy = self.policies(site, question.serial)
        answer = protocol.Answer(
            nonce=question.nonce,
            now=int(now.timestamp()),
            have=have,
            dismiss=tuple(self.sessions.dismissals(site)),
            policy=None if policy is None else protocol.SignedPolicy(**policy.told()),
            rekey=_rekey(self.site_keys[site], epoch, question.nonce),
            month=_month(self.months(site), key, question),
        )
        said = answer.model_dump_json(exclude_none=True).encode()
        return _json(200, said, {signed.HEADER: signed.sign(key, signed.ANSWER, said)})

    def _signer(self, site: str, body: bytes, signature: str) -> tuple[int, bytes]:
        """The epoch and the key that signed a question. Raises Unauthorized."""
        keys = self.site_keys.get(site)
        believed = keys.by_epoch() if keys else []
        tried = [*believed, *[(-1, NOBODY)] * (2 - len(believed))]
        found = [one for one in tried if signed.genuine(one[1], signed.QUESTION, body, signature)]
        if not found or found[0][0] < 0:
            log.warning("sync refused", extra={"site": site[:64]})
            raise Unauthorized("not signed with the key of this site")
        return found[0]


def create_app(
    site_keys: Mapping[str, Keys],
    sessions: StoredSessions,
    clock: Callable[[], datetime],
    claims: Claiming | None = None,
    policies: Policies = follows,
    months: Months = uncounted,
) -> Flask:
    """The edge for gateways whose keys are given by site, and for devices with a claim."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = protocol.MAX_BODY_OCTETS
    edge = Edge(site_keys, sessions, clock, policies, months)
    app.add_url_rule("/healthz", "alive", edge.alive, methods=["GET"])
    app.add_url_rule("/gw/<site>/sync", "sync", edge.sync, methods=["POST"])
    if claims is not None:
        app.add_url_rule(PATH, "claim", claims.claim, methods=["POST"])
    app.register_error_handler(ControllerError, claiming.unavailable)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(SQLAlchemyError, _store_failed)
    return app


def _question(site: str, body: bytes, epoch: int) -> protocol.Question:
    """Raises Malformed."""
    try:
        question = protocol.Question.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"{where}: {first['msg']}" if where else first["msg"]) from error
    if question.site != site:
        raise Malformed("site: is not the one in the address")
    if question.epoch != epoch:
        raise Malformed("epoch: is not that of the key that signed")
    return question


def _rekey(keys: Keys, epoch: int, nonce: str) -> protocol.Rekey | None:
    """The current key, for who signs with the former one."""
    if epoch == keys.epoch:
        return None
    pad = signed.padded(keys.signing[1], nonce, keys.epoch, keys.signing[0])
    return protocol.Rekey(epoch=keys.epoch, pad=pad.hex())


def _month(current: MonthKey | None, key: bytes, question: protocol.Question) -> protocol.Month | None:
    """The month's key, for who does not have it."""
    if current is None or question.month == current.month:
        return None
    pad = signed.hidden(key, question.nonce, current.month, current.key)
    return protocol.Month(name=current.month, pad=pad.hex(), ends_at=current.ends_at)


def _refused(error: HTTPException) -> Response:
    return _json(error.code or 500, json.dumps({"error": error.description}).encode())


def _store_failed(error: SQLAlchemyError) -> Response:
    log.error("store failed", extra={"error": type(error).__name__})
    return _json(503, b'{"error": "the store is not available, try again"}')


def _json(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body + b"\n" if status != 200 else body, status, headers, mimetype="application/json")
