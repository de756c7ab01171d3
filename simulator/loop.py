"""One selector loop for every socket of the simulator."""

import selectors
import signal
import socket
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any


class Loop:
    """Calls back when a socket can be read or a time has come; `stop` may come from a signal."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._running = True
        self._signals = False
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self.watch(self._wake, self._woken)

    def watch(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the socket can be read."""
        self._selector.register(sock, selectors.EVENT_READ, ready)

    def forget(self, sock: socket.socket) -> None:
        """Watch a socket no more; the caller closes it."""
        self._selector.unregister(sock)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Call once, so many seconds from now."""
        heappush(self._timers, (time.monotonic() + delay_s, next(self._order), call))

    def stop_on(self, *signals: signal.Signals) -> None:
        """End the loop when one of the signals comes; the wake-up descriptor ends a wait at once."""
        self._signals = True
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, self._stop)

    def run(self) -> None:
        """Until stopped."""
        while self._running:
            for key, _ in self._selector.select(self._patience_s()):
                key.data()
            while self._timers and self._patience_s() == 0:
                heappop(self._timers)[2]()

    def end(self) -> None:
        """Stop from another thread."""
        self._running = False
        self._waker.send(b"\0")

    def close(self) -> None:
        """Release what the loop itself holds."""
        if self._signals:
            signal.set_wakeup_fd(-1)
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _patience_s(self) -> float | None:
        """Until the next timer; None without one."""
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _stop(self, *_: Any) -> None:
        self._running = False

    def _woken(self) -> None:
        self._wake.recv(512)
