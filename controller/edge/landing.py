"""The edge's views for pollers without a store: who they are, what they bring, whether they may poll."""

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import TypeVar

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, TooManyRequests, Unauthorized

from captive_portal.gateway.signed import HEADER
from controller import audit
from controller import remote_poller_wire as wire
from controller.adoption.current import Current
from controller.app import App
from controller.edge.claiming import Refusals
from controller.landing import Runway
from drivers.model import Secret
from metrics.errors import StoreUnusable

log = logging.getLogger(__name__)

RETRY_AFTER_S = 30
BUSY_RETRY_AFTER_S = 2
_NOBODY = bytes(32)
"""Checked against when the name is unknown, so that this costs the same time and says the same."""

Token = Callable[[], Secret]
"""Looks a token up, anew each time. Raises SecretError."""

T = TypeVar("T")


class Told:
    """What was said last of each spool's losses, so that each loss is told once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def loss(self, spool: str, losses: tuple[int, int]) -> bool:
        """Whether this is news."""
        with self._lock:
            before = self._seen.pop(spool, (0, 0))
            self._seen[spool] = losses
            while len(self._seen) > 1000:
                self._seen.popitem(last=False)
            return losses != before and any(losses)


@dataclass(frozen=True, slots=True)
class Landings:
    """The views and what they stand on; `tokens` are by the name of a poller.

    All land on one thread, which remembers the series of the store's days; one batch more may wait for it, so
    that pollers which catch up leave room for the gateways.
    """

    tokens: Mapping[str, Token] = field(repr=False)
    runway: Runway
    clock: Callable[[], datetime]
    refusals: Refusals = field(default_factory=Refusals)
    told: Told = field(default_factory=Told)
    places: BoundedSemaphore = field(default_factory=partial(BoundedSemaphore, 2))
    lane: Executor = field(default_factory=partial(ThreadPoolExecutor, 1, "landing"))

    def register(self, app: Flask) -> None:
        """Take what pollers bring, from now on."""
        app.add_url_rule(f"{wire.PATH}/<name>/batch", "poller_batch", self.batch, methods=["POST"])
        app.add_url_rule(f"{wire.PATH}/<name>/lease", "poller_lease", self.lease, methods=["POST"])
        app.register_error_handler(StoreUnusable, _store_unusable)

    def batch(self, name: str) -> Response:
        """Land frames; a batch that comes again changes nothing and gets the same answer."""
        body = request.get_data()
        key = self._signer(name, "batch", body)
        batch = _said(lambda: wire.unpacked(body))
        head, now = batch.head, self.clock()
        if self.told.loss(head.spool, (head.dropped, head.damaged)):
            shown = {"poller": name, "dropped": head.dropped, "damaged": head.damaged}
            log.error("a poller's spool has lost frames", extra=shown)
        if not self.places.acquire(blocking=False):
            return _not_now("others are landing", BUSY_RETRY_AFTER_S)
        try:
            landing = self.lane.submit(self.runway.land, name, head.spool, batch.frames, now).result()
        finally:
            self.places.release()
        return _answer(
            key,
            name,
            "batch",
            wire.Landed(
                nonce=head.nonce, have=landing.have, refused=landing.refused, problem=landing.problem
            ),
        )

    def lease(self, name: str) -> Response:
        """Give the lease of the poller's shard, or say that another has it."""
        body = request.get_data()
        key = self._signer(name, "lease", body)
        question = _said(lambda: wire.read(wire.Lease, body))
        now = self.clock()
        epoch = self.runway.lease(name, question.spool, question.epoch, now)
        said = wire.Leased(nonce=question.nonce, epoch=epoch, now=int(now.timestamp()))
        return _answer(key, name, "lease", said)

    def _signer(self, name: str, what: str, body: bytes) -> bytes:
        """The key that signed a question. Raises Unauthorized, TooManyRequests, SecretError.

        Behind a proxy all have one address, so whoever guesses there shuts out no poller that knows.
        """
        token = self.tokens.get(name)
        key = _NOBODY if token is None else wire.key_of(name, token())
        if wire.genuine(key, name, what, body, request.headers.get(HEADER, "")) and token is not None:
            return key
        address, now = request.remote_addr or "", self.clock()
        if self.refusals.too_many(address, now):
            raise TooManyRequests("too many refused questions, wait a minute")
        self.refusals.count(address, now)
        log.warning("poller refused", extra={"poller": name[:64], "address": address})
        raise Unauthorized("not signed with the token of this poller")


def _said(read: Callable[[], T]) -> T:
    try:
        return read()
    except wire.WireError as error:
        raise BadRequest(str(error)) from error


def _answer(key: bytes, name: str, what: str, said: wire.Landed | wire.Leased) -> Response:
    body = wire.told(said)
    signature = wire.sign(key, name, f"{what} answer", body)
    return Response(body, 200, {HEADER: signature}, mimetype="application/json")


def _store_unusable(error: StoreUnusable) -> Response:
    log.error("store failed", extra={"error": str(error)})
    return _not_now("the store is not available", RETRY_AFTER_S)


def _not_now(why: str, seconds: int) -> Response:
    body = json.dumps({"error": f"{why}, try again"}) + "\n"
    return Response(body, 503, {"Retry-After": str(seconds)}, mimetype="application/json")


def landings_of(app: App, clock: Callable[[], datetime]) -> Landings:
    """Of a running Plaza, for the pollers of its settings."""

    def token(name: str, reference: str) -> Token:
        return lambda: app.secrets.token(f"poller {name}", reference)

    runway = Runway(
        app.engine,
        app.samples,
        Current(app.settings.inventory).inventory,
        lambda: audit.load_key(app.settings.data_dir),
    )
    return Landings({one.name: token(one.name, one.token) for one in app.settings.pollers}, runway, clock)
