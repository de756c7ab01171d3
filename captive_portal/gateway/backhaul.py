"""Whether the portal and the Internet can be reached, so that nobody is sent to where there is nothing."""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateway.clock import Clock, Moment

log = logging.getLogger(__name__)

PATIENCE_S: Final = 20.0
"""How far apart two failures are before we believe them: longer than a modem that changes its channel."""

EVERY_S: Final = 10.0
IDLE_S: Final = 300.0
"""Each try costs some hundred octets, which a satellite line counts by the day."""

TIMEOUT_S: Final = 5.0
PORTS: Final = {"http": 80, "https": 443}
DNS: Final = 53
RESOLVERS: Final = 2  # are tried, so that a phone is told soon


@dataclass(frozen=True, slots=True)
class Backhaul:
    """What the tries since the last success say; `first_failure_s` is since boot, None without a failure."""

    first_failure_s: float | None = None
    down: bool = False

    def failed(self, now: Moment, patience_s: float = PATIENCE_S) -> "Backhaul":
        """After one more failure: down when it is `patience_s` or more after the first."""
        first_s = now.seconds if self.first_failure_s is None else self.first_failure_s
        return Backhaul(first_s, now.seconds - first_s >= patience_s)


UP: Final = Backhaul()
"""After any success, and before the first try."""


class Lookout:
    """Tries in a thread of its own whether something is there; a phone's request only reads `down`."""

    def __init__(
        self,
        reach: Callable[[], None],
        clock: Clock,
        what: str = "portal",
        patience_s: float = PATIENCE_S,
        every_s: float = EVERY_S,
    ) -> None:
        """`reach` raises OSError when `what` cannot be reached, which is believed after `patience_s`."""
        self._reach = reach
        self._clock = clock
        self._what = what
        self._patience_s = patience_s
        self._every_s = every_s
        self._backhaul = UP
        self._asked = threading.Event()

    @property
    def down(self) -> bool:
        """Whether there is no way there now."""
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
            found = self._backhaul.failed(self._clock.now(), self._patience_s)
            self._note(found, type(error).__name__)
        else:
            self._note(UP, "")

    def asked(self) -> None:
        """A phone is to be sent there."""
        self._asked.set()

    def run(self, stop: threading.Event) -> None:
        """Try again and again, until stopped: seldom while no phone is sent there and it does not fail."""
        while not stop.is_set():
            self._asked.clear()
            self.step()
            stop.wait(self._every_s)
            if self.failing_since is None:
                self._asked.wait(IDLE_S)

    def stand_by(self, stop: threading.Event, wanted: Callable[[], bool]) -> None:
        """Try again and again while it is `wanted`, until told to stop."""
        while not stop.is_set():
            if wanted():
                self.step()
            stop.wait(self._every_s)

    def _note(self, found: Backhaul, error: str) -> None:
        if found.down and not self.down:
            log.warning("out of reach, phones are told so", extra={"what": self._what, "error": error})
        if self.down and not found.down:
            log.info("in reach again", extra={"what": self._what})
        self._backhaul = found


def reach(url: str) -> None:
    """Connect over TCP to the host and port of a URL, and say nothing. Raises OSError."""
    parts = urlsplit(url)
    _connect(parts.hostname or "", parts.port or PORTS[parts.scheme])


def reach_any(resolvers: Sequence[str], url: str) -> None:
    """The same to the names' port of one of these addresses; without any, to the URL. Raises OSError."""
    if not resolvers:
        return reach(url)
    failed = OSError("nobody there")
    for resolver in resolvers[:RESOLVERS]:
        try:
            return _connect(resolver, DNS)
        except OSError as error:
            failed = error
    raise failed


def _connect(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except UnicodeError as error:
        raise OSError("the host's name cannot be looked up") from error
