"""Whether there is an Internet behind the portal's own uplink, where its citizens' way out is the same."""

import logging
import threading
from collections.abc import Callable, Sequence

from captive_portal.gateway.backhaul import EVERY_S, UP, reach
from captive_portal.gateway.clock import Clock

log = logging.getLogger(__name__)


def connected() -> bool:
    """Never cut off, as far as anybody knows."""
    return False


class Uplink:
    """Tries, in a thread of its own, hosts of the Internet; a phone's request only reads `down`.

    It is down when none of them was reached for 20 s or longer. Without hosts it never is.
    """

    def __init__(self, probes: Sequence[str], clock: Clock, connect: Callable[[str], None] = reach) -> None:
        """`probes` are `HOST:PORT`s; `connect` raises OSError for a URL (`tcp://HOST:PORT`) out of reach."""
        self._probes = tuple(f"tcp://{probe}" for probe in probes)
        self._clock = clock
        self._connect = connect
        self._backhaul = UP

    @property
    def down(self) -> bool:
        """Whether there is no Internet now."""
        return self._backhaul.down

    def step(self) -> None:
        """Try once: the first host that answers settles it."""
        before = self._backhaul
        self._backhaul = UP if self._reached() else before.failed(self._clock.now())
        if self._backhaul.down and not before.down:
            log.warning("no Internet behind the portal, phones are told so")
        if before.down and not self._backhaul.down:
            log.info("Internet is back")

    def run(self, stop: threading.Event) -> None:
        """Try every EVERY_S until told to stop."""
        while self._probes and not stop.is_set():
            self.step()
            stop.wait(EVERY_S)

    def start(self) -> "Uplink":
        """Run for as long as the process lives."""
        threading.Thread(target=self.run, args=(threading.Event(),), name="uplink", daemon=True).start()
        return self

    def _reached(self) -> bool:
        return not self._probes or any(self._reaches(probe) for probe in self._probes)

    def _reaches(self, probe: str) -> bool:
        try:
            self._connect(probe)
        except OSError:
            return False
        return True
