"""What is counted together: a first page, whose own transaction would cost more than the page itself, and a
failure of the store, which cannot be written while it lasts."""

import logging
from collections import Counter
from threading import Lock, Timer
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from captive_portal import counts
from captive_portal.model import FailureReason

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0


class Gathered:
    """Pages that were shown, and failures of the store, that are not written yet, in any thread.

    Pages that could not be written are forgotten. Failures wait until something is written again, and are
    then in its slot: a late one of their own would be in no sample. A process that ends writes both first,
    for Python waits for its timers; one that is killed forgets those of the last second.
    """

    def __init__(self, engine: Engine, every_s: float = EVERY_S) -> None:
        self._engine = engine
        self._every_s = every_s
        self._pages: Counter[tuple[str, int]] = Counter()
        self._failures: Counter[str] = Counter()
        self._newest = 0
        self._lock = Lock()
        self._will_be_written = False

    def add(self, site: str, at: int) -> None:
        """One more first page of a site, at a UTC epoch second."""
        with self._lock:
            self._pages[site, counts.slot_of(at)] += 1
        self._write_soon(at)

    def failed(self, site: str, at: int) -> None:
        """The store failed one more phone of a site, at a UTC epoch second."""
        with self._lock:
            self._failures[site] += 1
        self._write_soon(at)

    def _write_soon(self, at: int) -> None:
        with self._lock:
            self._newest = max(self._newest, at)
            waits, self._will_be_written = self._will_be_written, True
        if not waits:
            Timer(self._every_s, self._write).start()

    def _write(self) -> None:
        with self._lock:
            pages, self._pages = self._pages, Counter()
            failures, self._failures = self._failures, Counter()
            newest, self._will_be_written = self._newest, False
        try:
            with self._engine.begin() as connection:
                _count(connection, pages, failures, newest)
        except SQLAlchemyError as error:
            log.warning("not counted", extra={"error": type(error).__name__})
            with self._lock:
                self._failures += failures


def _count(
    connection: Connection, pages: Counter[tuple[str, int]], failures: Counter[str], newest: int
) -> None:
    if pages:
        counts.add_pages(connection, pages)
    if failures:
        counts.add_failures(connection, FailureReason.STORE_FAILED, failures, newest)
