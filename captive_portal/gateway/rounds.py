"""What the gateway does by itself, again and again, while nobody asks anything of it."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.ruling import Ruling

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How soon a phone that was in when the power went is let in again, once it is heard of."""

RECONCILE_S: Final = 10.0
KEEP_S: Final = 60.0


@dataclass(slots=True)
class Rounds:
    """`seen` tells the phones on the guests' interface, or OSError."""

    doorkeeper: Doorkeeper
    ruling: Ruling
    borrowed: Borrowed
    clock: Clock
    seen: Callable[[], Sequence[Phone]]
    _reconciled_s: float = 0.0
    _kept_s: float = 0.0

    def run(self, stop: threading.Event) -> None:
        """Go round every LOOK_S until told to stop."""
        while not stop.wait(LOOK_S):
            self.step()

    def step(self) -> None:
        """Go round once: let in who was in, note who is out, keep what was used."""
        self._tried(self._round)

    def keep(self) -> None:
        """Keep what was used, and the time; when told to stop, so that what follows costs nobody a minute."""
        self._tried(self._keep)

    def _round(self) -> None:
        """Raises GatewayError."""
        self._resume()
        now_s = self.clock.now().seconds
        if now_s - self._reconciled_s >= RECONCILE_S:
            self.ruling.step()
            self.doorkeeper.reconcile()
            self._reconciled_s = now_s
        if now_s - self._kept_s >= KEEP_S:
            self._keep()
            self._kept_s = now_s

    def _keep(self) -> None:
        self.doorkeeper.keep()
        self.borrowed.keep()

    def _resume(self) -> None:
        if not self.doorkeeper.waiting:
            return
        try:
            self.doorkeeper.resume(self.seen())
        except OSError as error:
            log.error("the kernel's neighbours cannot be read", extra={"error": error.strerror})

    def _tried(self, what: Callable[[], None]) -> None:
        try:
            what()
        except GatewayError as error:
            log.error("not done, tried again", extra={"error": str(error)})
