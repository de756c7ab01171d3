"""Tells whoever started the gateway that it is ready and works, so that one that hangs is started anew."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

BEATS: Final = 4
"""How often within the watchdog's patience."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who started us. `told_at` is systemd's socket (sd_notify(3)), or empty; patience 0 is no watchdog."""

    told_at: str
    patience_s: float


def watcher(environment: Mapping[str, str] = os.environ) -> Watcher:
    """What our environment says of it: NOTIFY_SOCKET and WATCHDOG_USEC (sd_watchdog_enabled(3))."""
    return Watcher(environment.get("NOTIFY_SOCKET", ""), int(environment.get("WATCHDOG_USEC", "0")) / 1e6)


class Heart:
    """Beats while the threads live and `asked` comes back, which takes the locks that a phone's tap takes.

    systemd is told of each beat. Under another supervisor each sets the kernel's alarm clock anew; when that
    rings, it ends a process that hangs, whatever it is doing.
    """

    def __init__(
        self, watcher: Watcher, threads: Iterable[threading.Thread], asked: Callable[[], object]
    ) -> None:
        self._watcher = watcher
        self._threads = tuple(threads)
        self._asked = asked

    def ready(self) -> None:
        """Say that the rules stand and phones are answered."""
        if self._watcher.told_at:
            _tell(self._watcher.told_at, "READY=1")

    def run(self, stop: threading.Event) -> None:
        """Beat until told to stop; from the main thread, which a lock held for ever then stops, too."""
        pause_s = self._watcher.patience_s / BEATS or None
        while True:
            self._beat()
            if stop.wait(pause_s):
                return

    def _beat(self) -> None:
        if not self._watcher.patience_s or not all(thread.is_alive() for thread in self._threads):
            return
        self._asked()
        if self._watcher.told_at:
            _tell(self._watcher.told_at, "WATCHDOG=1")
        else:
            signal.setitimer(signal.ITIMER_REAL, self._watcher.patience_s)


def _tell(place: str, word: str) -> None:
    # an @ stands for the zero octet of an abstract address
    address = "\0" + place[1:] if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(word.encode(), address)
