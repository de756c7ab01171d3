"""The disk under the samples: who looks after it, and what a writer does when it is full."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy.exc import OperationalError

from controller.app import App
from controller.errors import StoreBusy
from metrics.local.files import FileShelf
from metrics.local.guard import Ballast, Guard, Keeping, least_free_octets
from metrics.local.guard_writing import Note, PatientWriter
from metrics.local.retention_ready import rolled_up
from metrics.sample import Sample

log = logging.getLogger(__name__)

_MB: Final = 2**20


def guarding(app: App, clock: Callable[[], datetime]) -> Callable[[], None]:
    """What the worker does every so often. A server of PostgreSQL looks after its own disk."""
    shelf = app.samples.shelf
    if not isinstance(shelf, FileShelf):
        return lambda: None
    least = least_free_octets(shelf.directory, app.settings.min_free_mb)
    guard = Guard(app.samples, shelf.directory, least, _ballast(app, shelf))
    keeping = Keeping([sink.name for sink in app.settings.sinks], rolled_up(app.samples))
    return lambda: guard.turn(int(clock().timestamp()), keeping)


def patient(app: App, writer: str, write: Callable[[Sequence[Sample]], None]) -> PatientWriter:
    """The way of a writer that must not stop."""
    shelf = app.samples.shelf
    if not isinstance(shelf, FileShelf):
        return PatientWriter(app.samples, write, None, None)
    return PatientWriter(app.samples, write, _ballast(app, shelf), Note(shelf.directory, writer))


class Forgiving:
    """The relational store may be on the same disk: what it refuses is told once, and polling goes on."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Around what may fail."""
        try:
            yield
        except (StoreBusy, OperationalError) as error:
            reason = str(error.orig if isinstance(error, OperationalError) else error)
            if what not in self._failing:
                log.error("the store takes nothing, polling goes on", extra={"what": what, "reason": reason})
            self._failing.add(what)
            return
        if what in self._failing:
            self._failing.remove(what)
            log.info("the store takes it again", extra={"what": what})


def _ballast(app: App, shelf: FileShelf) -> Ballast:
    return Ballast(shelf.directory, app.settings.ballast_mb * _MB)
