"""One timer for many due times, on a clock that stands still while our own process was kept from running."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_STALL_S: Final = 0.05

T = TypeVar("T")


class Alarms(Generic[T]):
    """Calls `fetch` before it rings, so that what arrived in time counts; and `stalled` when it is late.

    Alarms of one duration ring in the order they were set: a queue each, and no sorting.
    """

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
        self._queues: dict[float, deque[tuple[float, T]]] = {}
        self._lost_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds of a monotonic clock without the time in which we could not run."""
        return self._loop.time() - self._lost_s

    def set(self, now: float, after_s: float, what: T) -> None:
        """Ring `what`, `after_s` seconds after `now` on this clock."""
        queue = self._queues.get(after_s)
        if queue is None:
            queue = self._queues[after_s] = deque()
        queue.append((now + after_s, what))
        if self._timer is None or (len(queue) == 1 and now + after_s + self._lost_s < self._timer.when()):
            self._arm()

    def cancel(self) -> None:
        """Ring nothing any more."""
        self._queues.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        firsts = [queue[0][0] for queue in self._queues.values() if queue]
        if firsts:
            self._timer = self._loop.call_at(min(firsts) + self._lost_s, self._tick)

    def _tick(self) -> None:
        due = self._timer.when() if self._timer is not None else self._loop.time()
        self._timer = None
        late_s = self._loop.time() - due
        if late_s > _STALL_S:
            self._lost_s += late_s
            self._stalled()
        self._fetch()
        now = self.now()
        for after_s, queue in list(self._queues.items()):
            while queue and queue[0][0] <= now:
                self._ring(queue.popleft()[1])
            if not queue and self._queues.get(after_s) is queue:
                del self._queues[after_s]
        self._arm()
