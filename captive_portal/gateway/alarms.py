"""Calls for help: the controller is told at once, and of the same again not within ten minutes."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from captive_portal.gateway.clock import Clock
from captive_portal.gateway.journal import ALARM, Event, Journal

APART_S: Final = 600
AT_MOST: Final = 200
"""Alarms that are told apart by their device; of more of one cause no device is named."""

TIMES: Final = "times"

log = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass(slots=True)
class _Sounding:
    """An alarm since it was told, `at` seconds since boot: how often it sounded again, its numbers added."""

    at: float
    times: int = 0
    values: dict[str, int] = field(default_factory=dict)


class Alarms:
    """One per gateway; safe from several threads. `news` is set when the controller should hear."""

    def __init__(self, journal: Journal, clock: Clock, news: threading.Event) -> None:
        self._journal = journal
        self._clock = clock
        self._news = news
        self._lock = threading.Lock()
        self._sounding: dict[Key, _Sounding] = {}

    def sound(self, cause: str, device: str = "", **values: int) -> None:
        """Something is wrong, `cause` says what in a word; `device` is a pseudonym, `values` are numbers."""
        with self._lock:
            key = (cause, device)
            if key not in self._sounding and len(self._sounding) >= AT_MOST:
                key = (cause, "")
            now, before = self._clock.now().seconds, self._sounding.get(key)
            one = self._sounding.setdefault(key, _Sounding(now))
            one.times += 1
            one.values = {name: one.values.get(name, 0) + values.get(name, 0) for name in one.values | values}
            if before is None or now - one.at >= APART_S:
                self._tell(key, one)

    def settle(self) -> None:
        """Tell what sounded again since it was told, and forget what did not."""
        with self._lock:
            now = self._clock.now().seconds
            for key, one in list(self._sounding.items()):
                if now - one.at < APART_S:
                    continue
                if one.times:
                    self._tell(key, one)
                else:
                    del self._sounding[key]

    @property
    def standing(self) -> list[str]:
        """What has been wrong within the last minutes, each a word."""
        with self._lock:
            return sorted({cause for cause, _ in self._sounding})

    def _tell(self, key: Key, one: _Sounding) -> None:
        now = self._clock.now()
        (cause, device), values = key, {TIMES: one.times, **one.values}
        self._sounding[key] = _Sounding(now.seconds)
        self._journal.note(Event(ALARM, "", now.boot, now.seconds, cause=cause, values=values, device=device))
        self._news.set()
        log.error("alarm", extra={"cause": cause, **_fields(values)})


def _fields(values: Mapping[str, int]) -> dict[str, int]:
    return {f"value_{name}": value for name, value in values.items()}
