"""Virtual citizens: they arrive at their sites, come online through the real portal, stay and go."""

import heapq
import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

from simulator.model import CitizensSpec
from simulator.walk import Phone, WalkFailed, come_online, leave

SAYS_GOODBYE: Final = 0.6  # the others walk out of reach
_SPANISH: Final = 0.92
_STOP_S: Final = 2.0

log = logging.getLogger(__name__)


class Citizens:
    """All sites' citizens, one thread per site."""

    def __init__(self, seed: int, specs: tuple[CitizensSpec, ...]) -> None:
        self._sites = [Site(seed, spec) for spec in specs]
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()

    def start(self) -> None:
        """People begin to arrive."""
        for site in self._sites:
            thread = threading.Thread(target=site.live, args=(self._stop,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Nobody arrives or leaves any more; a walk that hangs in the network is not waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)

    def status(self) -> dict[str, Any]:
        """How many are online, and each site's counts."""
        counts = {site.key: site.counts() for site in self._sites}
        return {"citizens_online": sum(count["online"] for count in counts.values()), "citizens": counts}


class Site:
    """The citizens of one site; every decision is drawn from seed and site."""

    def __init__(self, seed: int, spec: CitizensSpec) -> None:
        self.key = spec.site
        self._spec = spec
        self._chance = random.Random(f"{seed}/{spec.site}")
        addresses = [str(address) for address in spec.source.hosts()]
        self._chance.shuffle(addresses)
        self._free = deque(addresses)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._online = 0
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def counts(self) -> dict[str, Any]:
        """Online now, and totals since the start; `failed` by kind."""
        totals = {name: self._counts[name] for name in ("arrived", "admitted", "left", "vanished")}
        return {"online": self._online, **totals, "failed": dict(self._failures)}

    def live(self, stop: threading.Event) -> None:
        """Until stopped: wait for the next event, then carry it out."""
        self._at(self._until_next(), self._arrive)
        while True:
            due_s, _, act = self._events[0]
            if stop.wait(max(0.0, due_s - time.monotonic())):
                return
            heapq.heappop(self._events)
            act()

    def _at(self, delay_s: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (time.monotonic() + delay_s, self._number, act))

    def _until_next(self) -> float:
        return self._chance.expovariate(self._spec.arrivals_per_minute / 60)

    def _arrive(self) -> None:
        self._at(self._until_next(), self._arrive)
        stay_s = self._chance.expovariate(1 / self._spec.mean_stay_s)
        language = "es-MX,es;q=0.9" if self._chance.random() < _SPANISH else "en-US,en;q=0.9"
        polite = self._chance.random() < SAYS_GOODBYE
        self._counts["arrived"] += 1
        if not self._free:
            self._failed("no free source address; use a wider source network")
            return
        address = self._free.popleft()
        phone = Phone(address, language)
        try:
            come_online(phone, self._spec.gateway_url)
        except WalkFailed as error:
            self._failed(error.kind)
            self._free.append(address)
            return
        self._counts["admitted"] += 1
        self._online += 1
        self._at(stay_s, lambda: self._go(phone, address) if polite else self._vanish(address))

    def _go(self, phone: Phone, address: str) -> None:
        try:
            leave(phone, self._spec.gateway_url)
        except WalkFailed as error:
            self._failed(error.kind)
        self._counts["left"] += 1
        self._gone(address)

    def _vanish(self, address: str) -> None:
        self._counts["vanished"] += 1
        self._gone(address)

    def _gone(self, address: str) -> None:
        self._online -= 1
        self._free.append(address)

    def _failed(self, kind: str) -> None:
        self._failures[kind] += 1
        if self._failures[kind] == 1:
            log.warning("citizens of %s: %s (counted from now on, not said again)", self.key, kind)
