"""A shelf that is a directory: one SQLite file per volume."""

import logging
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from metrics.errors import StoreBroken, StoreUnusable
from metrics.local.connections import Connections
from metrics.local.database import check_file, open_file
from metrics.local.file_volume import FileVolume
from metrics.local.shelf import Layout, Volume
from metrics.local.sqlite import translated

log = logging.getLogger(__name__)

_PARTS: Final = ("", "-wal", "-shm")
_ASIDE: Final = re.compile(r"(raw|cold)-[-\d]+\.db\.broken-\d+\Z")
_DRAFT: Final = re.compile(r"\..+\.db\.(\d+)\.[0-9a-f]{8}(-wal|-shm|-journal)?\Z")
_DAY: Final = re.compile(r"(raw|cold)-\d{4}-\d\d-\d\d(-\d+)?\Z")


class FileShelf:
    """A directory of SQLite files. See Shelf."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be and look into every file. Raises StoreUnusable, losing nothing."""
        self.directory = directory
        self._connections = Connections()
        with translated(directory):
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        for name in self.names():
            self._look_into(name)

    @property
    def place(self) -> str:
        """See Shelf."""
        return str(self.directory)

    def path(self, name: str) -> Path:
        """Where a volume is or would be."""
        return self.directory / f"{name}.db"

    def names(self) -> list[str]:
        """See Shelf."""
        self._connections.forget_dropped()
        with translated(self.directory):
            found = [path.stem for path in self.directory.iterdir() if path.suffix == ".db"]
        return sorted(name for name in found if not name.startswith("."))

    def open(self, name: str, layout: Layout) -> Volume:
        """See Shelf."""
        path = self.path(name)
        return FileVolume(self._connections.get(path, layout), path)

    def drop(self, name: str) -> None:
        """Its log goes first: no new file of that name may find an old one. See Shelf.

        Whoever reads it may finish, and is not waited for.
        """
        path = self.path(name)
        if not path.exists():
            return
        with translated(path):
            connection = self._connections.get(path, Layout(()))
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connections.forget(path)
            # Once more after it, as somebody may have opened it in between.
            for part in ("-wal", "-shm", "", "-wal", "-shm"):
                path.with_name(path.name + part).unlink(missing_ok=True)

    def _look_into(self, name: str) -> None:
        try:
            open_file(self.path(name)).close()
        except StoreBroken as error:
            if not self.set_aside(name, error):
                raise

    def set_aside(self, name: str, error: StoreBroken) -> bool:
        """Another process may have done so already, and what is in its place now is whole. See Shelf."""
        path = self.path(name)
        if _DAY.match(name) is None:
            return False
        inode = self._connections.inode(path)
        self._connections.forget(path)
        with translated(path):
            if not path.exists():
                return True
            if inode is None and not _broken(path):
                return True
            if inode is not None and path.stat().st_ino != inode:
                return True
            aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
            # The log first: a new file of this name must never find it.
            for part in reversed(_PARTS):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
        told = {"file": str(aside), "reason": str(error), "mend": "plaza store repair"}
        log.error("a day is damaged and was set aside", extra=told)
        return True

    def sweep(self) -> None:
        """Remove the drafts of processes that were killed; nobody ever saw what is in them."""
        for path in self.directory.iterdir():
            found = _DRAFT.match(path.name)
            if found is not None and not Path(f"/proc/{found[1]}").exists():
                path.unlink(missing_ok=True)

    def aside(self) -> list[Path]:
        """The damaged days that were moved out of the way and not repaired yet."""
        return sorted(path for path in self.directory.iterdir() if _ASIDE.match(path.name))

    def octets(self, name: str) -> int:
        """See Shelf."""
        path = self.path(name)
        parts = [path.with_name(path.name + part) for part in _PARTS]
        return sum(_allocated(part) for part in parts)

    def check(self, name: str) -> list[str]:
        """See Shelf."""
        try:
            return check_file(self.path(name))
        except StoreUnusable as error:
            return [str(error)]

    def close(self) -> None:
        """See Shelf."""
        self._connections.close()


def _broken(path: Path) -> bool:
    try:
        open_file(path).close()
    except StoreBroken:
        return True
    return False


def _allocated(path: Path) -> int:
    try:
        return os.stat(path).st_blocks * 512
    except FileNotFoundError:
        return 0
