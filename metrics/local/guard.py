"""Keeps room on the disk: a ballast to let go, then old days, each one that somebody still wanted a gap."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from metrics.errors import StoreFull
from metrics.local.guard_gaps import Gap, note
from metrics.local.retention import RolledUp, Standing, cool, drop_cold, end_of, raw_standing, standing

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

log = logging.getLogger(__name__)

_MB: Final = 2**20
_DAY_S: Final = 86_400
_USUAL_MB: Final = 512
_SHARE: Final = 50  # of a disk on which the usual would be more than 1/50


def free_octets(directory: Path) -> int:
    """What an ordinary user may still write there."""
    room = os.statvfs(directory)
    return room.f_bavail * room.f_frsize


def least_free_octets(directory: Path, min_free_mb: int | None) -> int:
    """Below this the disk counts as full; without a wish 512 MB, of a small disk 2 %."""
    if min_free_mb is not None:
        return min_free_mb * _MB
    room = os.statvfs(directory)
    return min(_USUAL_MB * _MB, room.f_blocks * room.f_frsize // _SHARE)


class Ballast:
    """A file that is there to be deleted when the disk is full."""

    def __init__(self, directory: Path, octets: int) -> None:
        self.octets = octets
        self._path = directory / "ballast"

    def make(self) -> bool:
        """Take the space, really and not as a hole; False when there is not enough."""
        if self.octets == 0 or (self._path.exists() and self._path.stat().st_size == self.octets):
            return True
        draft = self._path.with_name(f".ballast.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.octets)
            draft.rename(self._path)
        except OSError:
            draft.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the space away; False when it was given away already."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the guard needs to know of the rest: who gets the samples, and what the rollups have seen."""

    sinks: Sequence[str]
    rolled_up: RolledUp


class Guard:
    """Looks at the disk of a store of files; `turn` is called every so often by one process."""

    def __init__(self, store: "LocalStore", directory: Path, least: int, ballast: Ballast) -> None:
        self._store = store
        self._directory = directory
        self._least = least
        self._ballast = ballast
        self._short = False

    @property
    def _free(self) -> int:
        return free_octets(self._directory)

    def turn(self, now: int, keeping: Keeping) -> None:
        """Make room where there is too little, and a ballast where there is enough."""
        if self._free >= self._least:
            self._recovered()
            return
        if not self._short:
            told = {"directory": str(self._directory), "free_mb": self._free // _MB}
            log.warning("the disk is nearly full", extra=told | {"least_mb": self._least // _MB})
        self._short = True
        self._ballast.release()
        for make_room in self._ways(now, keeping):
            if self._free >= self._least:
                break
            make_room()
        if self._free >= self._least:
            self._recovered()

    def _recovered(self) -> None:
        ready = self._free < self._least + self._ballast.octets or self._ballast.make()
        if self._short and ready:
            log.info("there is room on the disk again", extra={"free_mb": self._free // _MB})
            self._short = False

    def _ways(self, now: int, keeping: Keeping) -> Iterator[Callable[[], None]]:
        """From what costs nothing to what costs most; the present day is never touched."""
        past = [day for day in self._store.days() if end_of(day) <= now]
        for day in past:
            yield lambda day=day: self._cool(day, now, keeping)  # type: ignore[misc]
        found = [standing(self._store, day, keeping.sinks) for day in self._store.kept()]
        cold = [one for one in found if one is not None]
        for one in sorted(cold, key=lambda one: (bool(one.lacking), one.day)):
            yield lambda one=one: self._drop_cold(one, now)  # type: ignore[misc]
        for day in past:
            yield lambda day=day: self._drop_raw(day, now, keeping)  # type: ignore[misc]

    def _cool(self, day: str, now: int, keeping: Keeping) -> None:
        try:
            cool(self._store, day, now, keeping.sinks, keeping.rolled_up)
        except StoreFull:
            log.info("no room to make a day cold", extra={"day": day})

    def _drop_cold(self, found: Standing, now: int) -> None:
        drop_cold(self._store, found.day)
        self._lost(found, now)

    def _drop_raw(self, day: str, now: int, keeping: Keeping) -> None:
        if day not in self._store.days():
            return
        found = raw_standing(self._store, day, keeping.sinks)
        with self._store.still():
            self._store.drop(day)
        self._lost(found, now)

    def _lost(self, found: Standing, now: int) -> None:
        """Whoever had not got it has a gap; so has the store, of a day that was not due."""
        told = {"day": found.day, "points": found.points, "never_sent": dict(found.lacking)}
        log.warning("dropped a day early, the disk is full", extra=told)
        end = end_of(found.day)
        lost = {"": found.points, **found.lacking}
        note(
            self._store,
            [
                Gap(now, sink, "", end - _DAY_S, end - 1, points, "dropped for room")
                for sink, points in lost.items()
            ],
        )
