"""Open files per thread, dropped when the file behind them is."""

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from metrics.errors import StoreBroken
from metrics.local.database import open_file
from metrics.local.shelf import Layout
from metrics.local.sqlite import translated

_LOOK_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Opened:
    connection: sqlite3.Connection
    inode: int


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.opened: dict[Path, _Opened] = {}
        self.broken: dict[Path, int] = {}
        self.looked_s = time.monotonic()


class Connections:
    """One SQLite connection per thread and file."""

    def __init__(self) -> None:
        self._own = _OfThread()

    def get(self, path: Path, layout: Layout) -> sqlite3.Connection:
        """This thread's connection; the file is made when absent. Raises StoreUnusable.

        A day that was dropped and began anew is another file under the same name: a write to the old one
        would be acknowledged and gone.
        """
        self._now_and_then()
        with translated(path):
            inode = path.stat().st_ino if path.exists() else 0
        opened = self._own.opened.get(path)
        if opened is not None and opened.inode == inode:
            return opened.connection
        self.forget(path)
        try:
            connection = open_file(path, layout)
        except StoreBroken:
            self._own.broken[path] = inode
            raise
        self._own.opened[path] = _Opened(connection, path.stat().st_ino)
        return connection

    def inode(self, path: Path) -> int | None:
        """Of the file that this thread's connection is to, or that was too broken to open; None = neither."""
        opened = self._own.opened.get(path)
        return self._own.broken.get(path) if opened is None else opened.inode

    def forget(self, path: Path) -> None:
        """Close this thread's connection to a file, if it has one."""
        self._own.broken.pop(path, None)
        opened = self._own.opened.pop(path, None)
        if opened is not None:
            opened.connection.close()

    def _now_and_then(self) -> None:
        """A writer of the present day would otherwise hold the room of those that went."""
        now_s = time.monotonic()
        if now_s - self._own.looked_s > _LOOK_S:
            self._own.looked_s = now_s
            self.forget_dropped()

    def forget_dropped(self) -> None:
        """Close this thread's connections to files that are no more, so that the disk gets its space back.

        Whoever reads such a file at this moment may finish.
        """
        for path, opened in list(self._own.opened.items()):
            if not opened.connection.in_transaction and not path.exists():
                self.forget(path)

    def close(self) -> None:
        """Close every thread's connections; one in the middle of a statement is closed at its end.

        sqlite3 crashes where a connection is closed under another thread's statement, so each goes with the
        last who holds it.
        """
        for path in list(self._own.opened):
            self.forget(path)
        self._own = _OfThread()
