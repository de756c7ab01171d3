"""How the box fares, in numbers for the controller, and what is wrong with it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from captive_portal.gateway.alarms import Alarms
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.journal import Event, Journal
from captive_portal.gateway.memory import PULSE
from captive_portal.gateway.phone import Phone

LOOK_S: Final = 6.0
FIRST_S: Final = 60.0
BUSY_S: Final = 300.0
IDLE_S: Final = 1800.0
NEARLY: Final = 0.95

NO_ADDRESS: Final = ""

Found = TypeVar("Found")

log = logging.getLogger(__name__)

Gauge = Callable[[], Mapping[str, int]]
"""Numbers of the whole box by their names ([a-z0-9_]); OSError or GatewayError when they cannot be had."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong now."""

    cause: str
    device: str = ""
    values: Mapping[str, int] = field(default_factory=dict)


Watch = Callable[[], Iterable[Wrong]]
"""Looks for something that is wrong; OSError or GatewayError when it cannot see."""


def copied(macs: Callable[[], Iterable[str]], names_key: bytes) -> Watch:
    """Whose MAC is used by two phones; they are named by their pseudonym."""
    return lambda: [Wrong("copied", Phone(mac, NO_ADDRESS).device(names_key)) for mac in macs()]


def rising(cause: str, counter: Callable[[], int]) -> Watch:
    """That a counter of what should not be grew since the last look; it may begin anew."""
    seen: list[int] = []

    def look() -> Iterable[Wrong]:
        now = counter()
        before = seen.pop() if seen else now
        seen.append(now)
        return [Wrong(cause, values={"more": now - before})] if now > before else []

    return look


def nearly_full(cause: str, used_of: Callable[[], tuple[int, int]]) -> Watch:
    """That hardly anything is left of so many; a size of 0 is not known."""

    def look() -> Iterable[Wrong]:
        used, size = used_of()
        return [Wrong(cause)] if size and used >= NEARLY * size else []

    return look


class Pulse:
    """Notes the numbers every BUSY_S while somebody is in, else every IDLE_S; looks out between."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        alarms: Alarms,
        gauges: Sequence[Gauge],
        watches: Sequence[Watch],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._alarms = alarms
        self._gauges = gauges
        self._watches = watches
        self._began_s = clock.now().seconds
        self._beaten_s: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Look and note until told to stop; from a thread of its own, because looking may take its time."""
        while not stop.wait(LOOK_S):
            self.step()

    def step(self) -> None:
        """Look once, and note if it is time."""
        for watch in self._watches:
            nothing: Iterable[Wrong] = ()
            for wrong in _asked(watch, nothing):
                self._alarms.sound(wrong.cause, wrong.device, **wrong.values)
        self._alarms.settle()
        now_s, inside = self._clock.now().seconds, len(self._journal.live)
        every_s = BUSY_S if inside else IDLE_S
        due_s = self._began_s + FIRST_S if self._beaten_s is None else self._beaten_s + every_s
        if now_s >= due_s:
            self._beaten_s = now_s
            self._beat(inside)

    def _beat(self, inside: int) -> None:
        values = {"inside": inside}
        for gauge in self._gauges:
            none: Mapping[str, int] = {}
            values |= _asked(gauge, none)
        now = self._clock.now()
        self._journal.note(Event(PULSE, "", now.boot, now.seconds, values=values))


def _asked(asked: Callable[[], Found], otherwise: Found) -> Found:
    """What it says, or nothing of it when it cannot tell now."""
    try:
        return asked()
    except (OSError, GatewayError) as error:
        log.warning("not measured", extra={"error": type(error).__name__})
        return otherwise
