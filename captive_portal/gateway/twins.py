"""Sees a phone's MAC on two ports of the guests' bridge at once, again and again: somebody copied it.

A phone that walks from one access point to the next is heard on two ports as well, for the few seconds that
the first one is remembered. So one sighting is nothing: each that counts is later than all that could be left
of the one before, and a phone must have moved once more for it. Two phones behind one access point are one
port, and cannot be told apart here; the access point itself keeps only one of them associated.
"""

from collections.abc import Callable, Iterable
from typing import Final

from captive_portal.gateway.border import HEARD_S

TIMES: Final = 6
"""So many sightings that count make a copy."""

WITHIN_S: Final = 120.0


class Watch:
    """Remembers sightings by MAC, in memory only. `ports` is `Border.ports`, `seconds` any steady clock."""

    def __init__(self, ports: Callable[[], Iterable[tuple[str, str]]], seconds: Callable[[], float]) -> None:
        self._ports = ports
        self._seconds = seconds
        self._sightings: dict[str, tuple[float, ...]] = {}

    def look(self) -> frozenset[str]:
        """The MACs that live on two ports now; to be asked every few seconds, and more often does no harm."""
        now = self._seconds()
        for mac in _double(self._ports()):
            before = self._sightings.get(mac, ())
            if not before or now - before[-1] > HEARD_S:
                self._sightings[mac] = (*before, now)
        self._sightings = {
            mac: recent
            for mac, times in self._sightings.items()
            if (recent := tuple(one for one in times if now - one <= WITHIN_S))
        }
        return frozenset(mac for mac, times in self._sightings.items() if len(times) >= TIMES)


def _double(places: Iterable[tuple[str, str]]) -> set[str]:
    """The MACs that are there with two ports."""
    found: dict[str, set[str]] = {}
    for mac, port in places:
        found.setdefault(mac, set()).add(port)
    return {mac for mac, ports in found.items() if len(ports) > 1}
