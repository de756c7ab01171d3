"""A link between pollers and one agent that is slow and loses datagrams, by a plan that a seed repeats."""

import heapq
import select
import socket
import threading
import time
from collections.abc import Callable
from random import Random
from types import TracebackType

Fate = Callable[[float], float | None]
"""At this age of the link in seconds: the delay of a datagram one way in seconds, None when it is lost."""


def steady(delay_s: float) -> Fate:
    """Every datagram arrives, after this time."""
    return lambda _: delay_s


def satellite(
    seed: int, least_s: float, most_s: float, outages: tuple[tuple[float, float], ...] = ()
) -> Fate:
    """Round trips of `least_s` to `most_s`; nothing passes during `outages`, each from and until an age."""
    random = Random(seed)

    def fate(age_s: float) -> float | None:
        if any(begin <= age_s < end for begin, end in outages):
            return None
        return random.uniform(least_s, most_s) / 2

    return fate


class Link:
    """Listens at `port` and carries to the agent's and back, on its own thread, until the block ends.

    `octets` are those of the payloads that came in from either side, lost ones too; `fate` may be changed.
    """

    def __init__(self, agent_port: int, fate: Fate) -> None:
        self.fate = fate
        self.octets = self.datagrams = 0
        self._agent = ("127.0.0.1", agent_port)
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self._front, self._back):
            one.bind(("127.0.0.1", 0))
        self.port: int = self._front.getsockname()[1]
        self._peer: tuple[str, int] = ("127.0.0.1", 0)
        self._flying: list[tuple[float, int, socket.socket, bytes]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> "Link":
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10)
        self._front.close()
        self._back.close()

    def _carry(self) -> None:
        while not self._over.is_set():
            wait_s = self._flying[0][0] - time.monotonic() if self._flying else 0.05
            ready, _, _ = select.select([self._front, self._back], [], [], min(0.05, max(0.0, wait_s)))
            for one in ready:
                self._take(one)
            while self._flying and self._flying[0][0] <= time.monotonic():
                _, _, out, datagram = heapq.heappop(self._flying)
                out.sendto(datagram, self._agent if out is self._back else self._peer)

    def _take(self, one: socket.socket) -> None:
        datagram, sender = one.recvfrom(65535)
        if one is self._front:
            self._peer = sender
        self.octets += len(datagram)
        self.datagrams += 1
        now = time.monotonic()
        delay_s = self.fate(now - self._started)
        if delay_s is not None:
            out = self._back if one is self._front else self._front
            heapq.heappush(self._flying, (now + delay_s, self.datagrams, out, datagram))
