"""Slows down who guesses voucher codes.

A site takes at most 300 wrong codes in ten minutes, 43,200 a day (a few more when threads fail in the same
instant). With a million live vouchers of 55 bits one day of guessing at one site finds any with a probability
of 43,200 x 10^6 / 2^55 = 1.2 x 10^-6. The processes of a portal know nothing of each other's counts, for who
failed is kept nowhere but in memory; so each takes its share of what a site and an address may. A phone's
count only spares its owner work, and each process has its own. A restart forgets the counts.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

WINDOW: Final = timedelta(minutes=10)
PER_DEVICE: Final = 10
PER_ADDRESS: Final = 30
PER_SITE: Final = 300
MAX_KEYS: Final = 65_536

Key = tuple[str, str, str]


class Throttle:
    """Wrong codes of the last ten minutes, in the memory of this process, one of `processes`."""

    def __init__(self, processes: int = 1, max_keys: int = MAX_KEYS) -> None:
        self._processes = processes
        self._max_keys = max_keys
        self._failures: OrderedDict[Key, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait(self, site: str, device: str, address: str, now: datetime) -> bool:
        """Whether this phone must wait before its next code is looked at; no address ("") is not counted."""
        with self._lock:
            keys = _keys(site, device, address, self._processes)
            return any(self._count(key, now) >= most for key, most in keys)

    def failed(self, site: str, device: str, address: str, now: datetime) -> None:
        """Count a wrong code; the keys that failed longest ago are forgotten when there are too many."""
        with self._lock:
            for key, most in _keys(site, device, address, self._processes):
                self._failures.setdefault(key, deque(maxlen=most)).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > self._max_keys:
                self._failures.popitem(last=False)

    def _count(self, key: Key, now: datetime) -> int:
        times = self._failures.get(key)
        if times is None:
            return 0
        while times and now - times[0] >= WINDOW:
            times.popleft()
        if not times:
            del self._failures[key]
        return len(times)


def _keys(site: str, device: str, address: str, processes: int) -> tuple[tuple[Key, int], ...]:
    of_site, of_address = (max(1, most // processes) for most in (PER_SITE, PER_ADDRESS))
    always = ((("device", site, device), PER_DEVICE), (("site", site, ""), of_site))
    return (*always, (("address", site, address), of_address)) if address else always
