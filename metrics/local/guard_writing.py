"""Writing that never stops the writer: what cannot be stored waits in memory, and then is counted."""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from metrics.errors import StoreFull, StoreUnusable
from metrics.local.guard import Ballast
from metrics.local.guard_gaps import Gap, note
from metrics.sample import Sample

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

log = logging.getLogger(__name__)

MOST_WAITING: Final = 20_000
_PIECE: Final = 1_000
_NOTE_OCTETS: Final = 4096
_MINUTE_S: Final = 60

Write = Callable[[Sequence[Sample]], None]


class Note:
    """A small file whose room is taken beforehand, so that others learn of trouble on a full disk."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f"unstored-{name}"

    def prepare(self) -> dict[str, Any]:
        """Take the room; answer what a process before this one has left, which ended in trouble."""
        try:
            if not self._path.exists():
                self._path.write_bytes(b" " * _NOTE_OCTETS)
        except OSError as error:
            log.warning("no room for a note", extra={"file": str(self._path), "error": str(error)})
        return _read(self._path)

    def say(self, words: Mapping[str, Any]) -> None:
        """Write in the place of what was there."""
        text = json.dumps(words).encode() if words else b""
        try:
            with self._path.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), text.ljust(_NOTE_OCTETS)[:_NOTE_OCTETS], 0)
        except OSError as error:
            log.warning("cannot leave a note", extra={"file": str(self._path), "error": str(error)})


def notes(directory: Path) -> dict[str, dict[str, Any]]:
    """What writers say that they could not store, by their names."""
    found = {}
    for path in sorted(directory.glob("unstored-*")):
        words = _read(path)
        if words:
            found[path.name.removeprefix("unstored-")] = words
    return found


def _read(path: Path) -> dict[str, Any]:
    """Nothing where it cannot be read: somebody writes it at this moment, or took the room of it."""
    try:
        words = json.loads(path.read_bytes().strip() or b"{}")
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}


class PatientWriter:
    """One writer's way into a store; one thread at a time."""

    def __init__(
        self,
        store: "LocalStore",
        write: Write,
        ballast: Ballast | None,
        told: Note | None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._store = store
        self._write = write
        self._ballast = ballast
        self._told = told
        self._most = most_waiting
        self._waiting: list[Sample] = []
        self._lost: Counter[tuple[str, int]] = Counter()
        self._since = 0
        if told is not None:
            self._inherit(told.prepare())

    def _inherit(self, words: Mapping[str, Any]) -> None:
        """What waited in a process that is no more is lost: a gap, once something is stored."""
        if words:
            self._since = int(words["since"])
            for name, points in {**words["lost"], "": words["waiting"]}.items():
                self._lost[name, self._since // _MINUTE_S * _MINUTE_S] = points

    @property
    def waiting(self) -> int:
        """How many samples wait for room."""
        return len(self._waiting)

    @property
    def lost(self) -> Mapping[tuple[str, int], int]:
        """How many samples there was no room for, by measurement and minute (epoch s)."""
        return self._lost

    def write(self, samples: Sequence[Sample]) -> None:
        """Store them, with what waits. Raises StaleEpoch and CatalogError as the store does, nothing else."""
        self._waiting.extend(samples)
        if not self._waiting:
            return
        try:
            self._try()
        except StoreUnusable as error:
            self._hold(error)
            return
        if self._since:
            self._recovered()

    def _try(self) -> None:
        """What waits goes piece by piece: as long as there is no room only the first one is tried in vain."""
        while self._waiting:
            piece = self._waiting[:_PIECE] if self._since else self._waiting
            try:
                self._write(piece)
            except StoreFull:
                if self._ballast is None or not self._ballast.release():
                    raise
                log.warning("the disk is full, the ballast is let go")
                self._write(piece)
            self._waiting = self._waiting[len(piece) :]

    def _hold(self, error: StoreUnusable) -> None:
        """The oldest go first when too many wait."""
        if not self._since:
            self._since = int(time.time())
            log.error("samples cannot be stored, polling goes on", extra={"reason": str(error)})
        surplus = len(self._waiting) - self._most
        if surplus > 0:
            gone, self._waiting = self._waiting[:surplus], self._waiting[surplus:]
            self._lost.update((one.measurement, one.time // _MINUTE_S * _MINUTE_S) for one in gone)
        if self._told is not None:
            lost = Counter[str]()
            for (measurement, _), points in self._lost.items():
                lost[measurement] += points
            words = {"since": self._since, "reason": str(error), "waiting": self.waiting, "lost": lost}
            self._told.say(words)

    def _recovered(self) -> None:
        """What was lost is a gap from now on, which everybody can read."""
        points = sum(self._lost.values())
        try:
            note(self._store, _gaps(self._lost, int(time.time())))
        except StoreUnusable as error:
            log.error("a gap cannot be written down yet", extra={"points": points, "reason": str(error)})
            return
        seconds = int(time.time()) - self._since
        log.warning("samples are stored again", extra={"lost": points, "seconds": seconds})
        self._since = 0
        self._lost.clear()
        if self._told is not None:
            self._told.say({})


def _gaps(lost: Mapping[tuple[str, int], int], now: int) -> list[Gap]:
    minutes: dict[str, list[int]] = {}
    points: Counter[str] = Counter()
    for (measurement, minute), number in lost.items():
        if not number:
            continue
        minutes.setdefault(measurement, []).append(minute)
        points[measurement] += number
    return [
        Gap(now, "", name, min(found), max(found) + _MINUTE_S - 1, points[name], "no room to store it")
        for name, found in minutes.items()
    ]
