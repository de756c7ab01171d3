"""Devices of a crowd, held in memory for a moment: to write two sketches costs a fifth of a tap."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from threading import Timer
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from captive_portal.monthly import Devices, Noted

log = logging.getLogger(__name__)

EVERY_S: Final = 0.25


def _later(after_s: float, work: Callable[[], None]) -> None:
    Timer(after_s, work).start()


class Held:
    """What ends each transaction that lets devices in; for one transaction at a time.

    A device is counted in the transaction of its own tap, unless this process counted one less than `every_s`
    ago: then with the next tap that comes later than that, or by `settle` when none does, which is to make a
    transaction. A process that ends counts them first, for Python waits for its timers; one that is killed
    forgets those of the last `every_s`, which count when they ask again.
    """

    def __init__(
        self,
        devices: Devices,
        settle: Callable[[], None],
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _later,
    ) -> None:
        self._devices = devices
        self._settle = settle
        self._every_s = every_s
        self._clock = clock
        self._later = later
        self._waiting: tuple[Noted, ...] = ()
        self._wrote_s = -math.inf
        self._will_be_written = False

    def add(self, connection: Connection, many: Sequence[Noted | None]) -> Callable[[], None]:
        """Count or hold them; to be called after the commit, which is what it returns."""
        all_of_them = (*self._waiting, *(one for one in many if one is not None))
        if not all_of_them:
            return lambda: None
        at_s = self._clock()
        if at_s - self._wrote_s < self._every_s:
            return lambda: self._hold(all_of_them)
        after = self._devices.add(connection, all_of_them)
        return lambda: self._counted(after, at_s)

    def hurry(self) -> None:
        """Have the next transaction count all, however soon it comes."""
        self._wrote_s = -math.inf

    def _counted(self, after: Callable[[], None], at_s: float) -> None:
        after()
        self._waiting, self._wrote_s = (), at_s

    def _hold(self, all_of_them: tuple[Noted, ...]) -> None:
        self._waiting = all_of_them
        self._see_to(self._every_s)

    def _see_to(self, after_s: float) -> None:
        if not self._will_be_written:
            self._will_be_written = True
            self._later(after_s, self._write)

    def _write(self) -> None:
        self._will_be_written = False  # first: whoever is held from now on may come too late for this
        if not self._waiting:
            return
        left_s = self._wrote_s + self._every_s - self._clock()
        if left_s > 0:
            self._see_to(left_s)  # a tap did it meanwhile, and others are held: the next tap may do it again
            return
        try:
            self._settle()
        except SQLAlchemyError as error:
            log.warning("devices wait for the next tap", extra={"error": type(error).__name__})
