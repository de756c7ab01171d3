"""A shelf that is a directory: one SQLite file per volume."""

import os
from pathlib import Path
from typing import Final

from metrics.errors import StoreUnusable
from metrics.local.connections import Connections
from metrics.local.database import check_file, open_file
from metrics.local.file_volume import FileVolume
from metrics.local.shelf import Layout, Volume
from metrics.local.sqlite import translated

_PARTS: Final = ("", "-wal", "-shm")


class FileShelf:
    """A directory of SQLite files. See Shelf."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be and look into every file. Raises StoreUnusable, losing nothing."""
        self.directory = directory
        self._connections = Connections()
        with translated(directory):
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        for name in self.names():
            open_file(self.path(name)).close()

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
        """Its log is emptied first: no new file of that name may find an old one. See Shelf."""
        path = self.path(name)
        if not path.exists():
            return
        with translated(path):
            self._connections.get(path, Layout(())).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connections.forget(path)
            for part in _PARTS:
                path.with_name(path.name + part).unlink(missing_ok=True)

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


def _allocated(path: Path) -> int:
    try:
        return os.stat(path).st_blocks * 512
    except FileNotFoundError:
        return 0
