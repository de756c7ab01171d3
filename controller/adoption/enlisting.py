"""Writes into the inventory that a device was claimed: `state: expected` becomes `staging`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from controller import audit, inventory_edit
from controller.adoption.claims import standings
from controller.adoption.current import Current
from controller.audit import Entry
from controller.errors import ControllerError
from controller.model import Inventory
from drivers.model import Lifecycle

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enlisting:
    """Who writes, where, and what the audit log is made with."""

    engine: Engine
    audit_key: bytes
    path: Path
    actor: str
    clock: Callable[[], datetime]

    def enlist(self, read: Callable[[], Inventory]) -> tuple[str, ...]:
        """Move on every device whose newest claim was used and that is still expected; returns their names.

        The inventory is read only if there may be one. Raises ControllerError when it cannot be edited.
        """
        claimed = [name for name, one in standings(self.engine).items() if one.used_at is not None]
        if not claimed:
            return ()
        devices = read().devices
        waiting = [name for name in claimed if name in devices and devices[name].state is Lifecycle.EXPECTED]
        for name in waiting:
            self.move(name, Lifecycle.STAGING)
        return tuple(waiting)

    def move(self, name: str, state: Lifecycle) -> Inventory:
        """Write a device's state into the inventory, and who did it into the audit log."""
        loaded = inventory_edit.set_key(self.path, name, "state", state.value)
        entry = Entry(self.actor, "state-changed", name, {"state": state.value}, self.clock())
        audit.record(self.engine, self.audit_key, entry)
        return loaded


class Watch:
    """What the worker does again and again; what hinders it is logged once, not at every turn."""

    def __init__(self, enlisting: Enlisting, current: Current) -> None:
        self._enlisting = enlisting
        self._current = current
        self._hindrance = ""

    def turn(self) -> None:
        """Look once."""
        try:
            for name in self._enlisting.enlist(self._current.inventory):
                log.info("claimed device in staging", extra={"device": name})
            self._hindrance = ""
        except ControllerError as error:
            if str(error) != self._hindrance:
                log.warning("a claimed device is still expected", extra={"error": str(error)})
            self._hindrance = str(error)
