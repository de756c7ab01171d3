"""Goes round what stands around the rules: settings of the kernel, fence, border, and who is copied."""

import logging
import threading
from typing import Final

from captive_portal.gateway import fence, kernel
from captive_portal.gateway.border import Border
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.twins import Watch

log = logging.getLogger(__name__)

EVERY_S: Final = 6.0
"""Longer than the border remembers a phone at a port: so each round can count for the watch."""


class Patrol:
    """Puts back what somebody took away, and looks out, in a thread of its own."""

    def __init__(self, lan: str, wan: str, border: Border, clock: Clock) -> None:
        self._lan = lan
        self._wan = wan
        self._border = border
        self._watch = Watch(border.ports, lambda: clock.now().seconds)
        self._copied: frozenset[str] = frozenset()
        self._failing: frozenset[str] = frozenset()

    @property
    def notice(self) -> str:
        """What an operator must know; empty when guests are kept apart."""
        return self._border.notice

    @property
    def copied(self) -> frozenset[str]:
        """The MACs that two phones use now."""
        return self._copied

    @property
    def rogue(self) -> int:
        """How many frames were dropped that only the host of a network sends, since the rules were made."""
        return self._border.rogue()

    def begin(self) -> None:
        """Raise the fence and lay the border, before any other rule. Raises EnforcerFailed."""
        fence.raise_fence(self._lan)
        self._stand()

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop."""
        while not stop.wait(EVERY_S):
            self.step()

    def step(self) -> None:
        """Go round once."""
        try:
            fence.raise_fence(self._lan)
        except EnforcerFailed as error:
            self._tell({str(error)})
        self._stand()
        self._copied = self._watch.look()

    def _stand(self) -> None:
        self._tell({f"{name} cannot be set" for name in kernel.settle(self._lan, self._wan)})
        self._border.lay()
        self._tell({self._border.refused} - {""})

    def _tell(self, failing: set[str]) -> None:
        """Log what fails, once."""
        for what in sorted(failing - self._failing):
            log.error("the kernel is not as it should be", extra={"error": what})
        self._failing |= failing
