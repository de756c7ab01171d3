"""The inventory as its file is now, for a process that runs while people edit it."""

from pathlib import Path
from threading import Lock

from controller import inventory as inventory_file
from controller.model import Inventory


class Current:
    """Reads the file anew only when it changed; any number of threads may ask.

    `known` is what a process has just read of it.
    """

    def __init__(self, path: Path, known: Inventory | None = None) -> None:
        self._path = path
        self._lock = Lock()
        self._inventory = known
        self._seen = self._state() if known is not None else None

    def inventory(self) -> Inventory:
        """What the file says. Raises InventoryError."""
        with self._lock:
            seen = self._state()
            if self._inventory is None or seen is None or seen != self._seen:
                self._inventory, self._seen = inventory_file.load(self._path), seen
            return self._inventory

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None  # `load` says why
        return found.st_ino, found.st_mtime_ns, found.st_size
