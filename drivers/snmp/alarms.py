"""One timer for many due times, on a clock that stands still while our own process was kept from running."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_STALL_S: Final = 0.05

T = TypeVar("T")


class Alarms(Generic[T]):
    """Calls `fetch` before it rings, so that what arrived in time counts; and `stalled` when it is late."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fetch: Callable[[], None],
        ring: Callable[[T], None],
        stalled: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._fetch = fetch
        self._ring = ring
        self._stalled = stalled
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0
        self._lost_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds of a monotonic clock without the time in which we could not run."""
        return self._loop.time() - self._lost_s

    def set(self, due: float, what: T) -> None:
        """Ring `what` at `due` on this clock."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, what))
        if self._heap[0][1] == self._count:
            self._arm()

    def cancel(self) -> None:
        """Ring nothing any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._loop.call_at(self._heap[0][0] + self._lost_s, self._tick)

    def _tick(self) -> None:
        due = self._timer.when() if self._timer is not None else self._loop.time()
        self._timer = None
        late_s = self._loop.time() - due
        if late_s > _STALL_S:
            self._lost_s += late_s
            self._stalled()
        self._fetch()
        now = self.now()
        while self._heap and self._heap[0][0] <= now:
            self._ring(heapq.heappop(self._heap)[2])
        self._arm()
