"""Whether the portal can be reached from this site, so that nobody is sent to where there is nothing."""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateway.clock import Clock, Moment

log = logging.getLogger(__name__)

PATIENCE_S: Final = 20.0
"""How far apart two failures are before we believe them: longer than a modem that changes its channel."""

EVERY_S: Final = 10.0
TIMEOUT_S: Final = 5.0
PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Backhaul:
    """What the tries since the last success say; `first_failure_s` is since boot, None without a failure."""

    first_failure_s: float | None = None
    down: bool = False

    def failed(self, now: Moment) -> "Backhaul":
        """After one more failure: down when it is PATIENCE_S or more after the first."""
        first_s = now.seconds if self.first_failure_s is None else self.first_failure_s
        return Backhaul(first_s, now.seconds - first_s >= PATIENCE_S)


UP: Final = Backhaul()
"""After any success, and before the first try."""


class Lookout:
    """Tries the portal for ever in a thread of its own; a phone's request only reads `down`."""

    def __init__(self, reach: Callable[[], None], clock: Clock) -> None:
        """`reach` raises OSError when the portal cannot be reached."""
        self._reach = reach
        self._clock = clock
        self._backhaul = UP

    @property
    def down(self) -> bool:
        """Whether there is no way to the portal now."""
        return self._backhaul.down

    @property
    def failing_since(self) -> float | None:
        """Since when, in seconds since boot, every try has failed; None when the last one did not."""
        return self._backhaul.first_failure_s

    def step(self) -> None:
        """Try once."""
        try:
            self._reach()
        except OSError as error:
            self._note(self._backhaul.failed(self._clock.now()), type(error).__name__)
        else:
            self._note(UP, "")

    def run(self, stop: threading.Event) -> None:
        """Try every EVERY_S until told to stop."""
        while not stop.is_set():
            self.step()
            stop.wait(EVERY_S)

    def _note(self, found: Backhaul, error: str) -> None:
        if found.down and not self.down:
            log.warning("portal out of reach, phones are told so", extra={"error": error})
        if self.down and not found.down:
            log.info("portal is back")
        self._backhaul = found


def reach(url: str) -> None:
    """Connect over TCP to the host and port of a URL, and say nothing. Raises OSError."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or PORTS[parts.scheme]), TIMEOUT_S).close()
    except UnicodeError as error:
        raise OSError("the host's name cannot be looked up") from error
