"""What a new device calls at its first boot: it shows its host key and learns ours."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Final

from flask import Response, request
from werkzeug.exceptions import Forbidden, TooManyRequests

from controller.access import Keyring
from controller.adoption import public_key, wire
from controller.adoption.claims import STATES, Claims, load_claims
from controller.adoption.current import Current
from controller.adoption.tokens import token_of
from controller.app import App
from controller.errors import ControllerError
from controller.model import Inventory
from controller.rotation.turned import Turned
from controller.secrets import FileSecrets
from drivers.model import Device, Secret

log = logging.getLogger(__name__)

MAX_REFUSALS: Final = 30
WINDOW_S: Final = 60
MAX_ADDRESSES: Final = 10_000


class Refusals:
    """Who was refused how often in this minute, for the last MAX_ADDRESSES addresses."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def too_many(self, address: str, now: datetime) -> bool:
        """Whether an address has to wait."""
        with self._lock:
            window, count = self._counted.get(address, (0, 0))
        return window == int(now.timestamp()) // WINDOW_S and count >= MAX_REFUSALS

    def count(self, address: str, now: datetime) -> None:
        """One more."""
        this = int(now.timestamp()) // WINDOW_S
        with self._lock:
            window, count = self._counted.pop(address, (this, 0))
            self._counted[address] = (this, count + 1 if window == this else 1)
            while len(self._counted) > MAX_ADDRESSES:
                self._counted.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Claiming:
    """The view and what it stands on. `secrets` gives the keyring of an inventory."""

    claims: Claims
    current: Current
    secrets: Callable[[Inventory], Keyring]
    clock: Callable[[], datetime]
    refusals: Refusals = field(default_factory=Refusals)

    def claim(self) -> Response:
        """Answer a device whose claim is open; 403 for everybody else, without saying why."""
        address, now = request.remote_addr or "", self.clock()
        if self.refusals.too_many(address, now):
            raise TooManyRequests("too many refused claims, wait a minute")
        request.max_content_length = wire.MAX_OCTETS
        try:
            question = wire.read(request.get_data())
            said = self._answered(question, now)
        except (_Refused, wire.Malformed) as error:
            self.refusals.count(address, now)
            log.warning("claim refused", extra={"address": address, "reason": str(error)})
            raise Forbidden("no open claim of this device") from None
        shown = {"address": address, "device": question.identity.device, "step": question.step}
        log.info("claim accepted", extra=shown)
        return Response(said, mimetype="text/plain")

    def _answered(self, question: wire.Question, now: datetime) -> bytes:
        """Raises _Refused, or ControllerError for what is our fault."""
        token = token_of(self.claims.master, question.identity)
        if not question.genuine(token):
            raise _Refused("not signed with a token of this device and MAC")
        inventory = self.current.inventory()
        device = self._device(inventory, question, token, now)
        key = public_key.of_device(self.secrets(inventory), device)
        if question.step == "done" and not self.claims.redeem(
            token, question.identity, question.host_key, question.facts, now
        ):
            raise _Refused("used meanwhile")
        return wire.answer(question, token, key)

    def _device(self, inventory: Inventory, question: wire.Question, token: Secret, now: datetime) -> Device:
        kind = self.claims.kind_of_open(token, question.identity, now)
        if kind is None:
            raise _Refused("unknown, used, revoked or expired")
        device = inventory.devices.get(question.identity.device)
        if device is None or device.mac != question.identity.mac:
            raise _Refused("the inventory does not know this device with this MAC")
        if device.state not in STATES[kind]:
            raise _Refused(f"its state is {device.state}")
        return device


class _Refused(Exception):
    """Why, for our log only."""


def unavailable(error: ControllerError) -> Response:
    """Our own fault: the device tries again."""
    log.error("claim failed", extra={"error": str(error)})
    return Response("not now, try again\n", 503, mimetype="text/plain")


def claiming_of(app: App, clock: Callable[[], datetime]) -> Claiming:
    """Of a running Plaza. Raises StoreError when its keys cannot be read."""
    claims = load_claims(app.engine, app.settings.data_dir)
    return Claiming(claims, Current(app.settings.inventory), partial(_keyring, app), clock)


def _keyring(app: App, inventory: Inventory) -> Keyring:
    return FileSecrets(inventory.credentials, app.settings.secrets_dir, turned=Turned(app.engine))
