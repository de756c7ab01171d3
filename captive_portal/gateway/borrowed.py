"""The controller's time, as it was last told and counted on since; this machine's wall clock is never read.

It is behind the truth by what a machine was without power since it was told, and never ahead: what ends by it
may end late and never early.
"""

import math
import threading
from dataclasses import dataclass
from typing import Final, Protocol

from captive_portal.gateway.clock import Clock, Moment

KEPT: Final = "borrowed"
CORRECTION_S: Final = 3600
"""What is told so much behind our count is the controller's own clock set right. Less is an answer that was
long on its way, and takes nothing back."""


class Notebook(Protocol):
    """Small texts, each under its name, that a power cut leaves whole; "" where there is none."""

    def fact(self, name: str) -> str:
        """What was kept last."""
        ...

    def keep(self, name: str, value: str) -> None:
        """Keep this from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """It was `utc_s` at this moment, or later."""

    utc_s: float
    at: Moment

    def then(self, now: Moment) -> float:
        """What it is at a moment of the same boot."""
        return self.utc_s + now.seconds - self.at.seconds


class Borrowed:
    """One per gateway; safe from several threads."""

    def __init__(self, clock: Clock, notebook: Notebook) -> None:
        self._clock = clock
        self._notebook = notebook
        self._lock = threading.Lock()
        self._told = _since(_read(notebook.fact(KEPT)), clock.now())

    @property
    def now(self) -> int:
        """UTC, s; 0 or little more while nobody has ever told."""
        with self._lock:
            return int(self._told.then(self._clock.now()))

    def told(self, utc_s: int) -> None:
        """The controller says that it is now so late."""
        with self._lock:
            now = self._clock.now()
            behind_s = self._told.then(now) - utc_s
            if behind_s <= 0 or behind_s > CORRECTION_S:
                self._told = Told(utc_s, now)

    def not_before(self, utc_s: int) -> None:
        """It is so late at least: something is here that was made then."""
        with self._lock:
            now = self._clock.now()
            if self._told.then(now) < utc_s:
                self._told = Told(utc_s, now)

    def keep(self) -> None:
        """Keep it for after a power cut, which takes back what was counted since."""
        with self._lock:
            now = self._clock.now()
            self._notebook.keep(KEPT, f"{now.boot} {now.seconds!r} {self._told.then(now)!r}")


def _since(kept: Told, now: Moment) -> Told:
    """Counted on from what was kept: in the same boot as if nothing had been, in another from now on."""
    known = kept.at.boot == now.boot and kept.at.seconds <= now.seconds
    return kept if known else Told(kept.utc_s, now)


def _read(text: str) -> Told:
    """What was kept; the beginning of time where nothing is, or it is damaged."""
    boot, _, numbers = text.partition(" ")
    try:
        at_s, utc_s = map(float, numbers.split())
    except ValueError:
        return Told(0.0, Moment("", 0.0))
    sound = math.isfinite(at_s) and 0 <= utc_s < 2**40
    return Told(utc_s, Moment(boot, at_s)) if sound else Told(0.0, Moment("", 0.0))
