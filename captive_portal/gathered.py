"""First pages are counted together: a transaction of its own would cost more than the page itself."""

import logging
from collections import Counter
from threading import Lock, Timer
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from captive_portal import counts

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0


class Gathered:
    """Pages that were shown and are not written yet, in any thread.

    A process that ends writes them first, for Python waits for its timers; one that is killed forgets those
    of the last second.
    """

    def __init__(self, engine: Engine, every_s: float = EVERY_S) -> None:
        self._engine = engine
        self._every_s = every_s
        self._pages: Counter[tuple[str, int]] = Counter()
        self._lock = Lock()
        self._will_be_written = False

    def add(self, site: str, at: int) -> None:
        """One more first page of a site, at a UTC epoch second."""
        with self._lock:
            self._pages[site, counts.slot_of(at)] += 1
            waits, self._will_be_written = self._will_be_written, True
        if not waits:
            Timer(self._every_s, self._write).start()

    def _write(self) -> None:
        with self._lock:
            pages, self._pages = self._pages, Counter()
            self._will_be_written = False
        try:
            with self._engine.begin() as connection:
                counts.add_pages(connection, pages)
        except SQLAlchemyError as error:
            log.warning("not counted", extra={"error": type(error).__name__})
