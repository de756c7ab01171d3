"""Which devices are known to accept the next secret of a credential: one query, kept for a moment."""

import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, select

from controller.rotation.ledger import Accepts, Kind, Stage
from controller.store.engine import READ_ONLY
from controller.store.tables import rotation_steps, rotations

_FRESH_S: Final = 1.0


class Turned:
    """Implements controller.secrets.Turned; any number of threads may ask.

    An answer may be a second old. That is no danger: a device gives the old secret up only in a change that
    begins later than that.
    """

    def __init__(self, engine: Engine, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now = now
        self._lock = threading.Lock()
        self._known: frozenset[tuple[str, str]] = frozenset()
        self._until = float("-inf")

    def __call__(self, credential: str, device: str) -> bool:
        """Whether the device was seen to accept it, in a rotation that is not done."""
        with self._lock:
            if self._now() >= self._until:
                self._known = self._asked()
                self._until = self._now() + _FRESH_S
            return (credential, device) in self._known

    def _asked(self) -> frozenset[tuple[str, str]]:
        statement = (
            select(rotations.c.credential, rotation_steps.c.device)
            .join(rotations, rotations.c.id == rotation_steps.c.rotation)
            .where(rotations.c.state != Stage.DONE, rotations.c.kind != Kind.PERSON)
            .where(rotation_steps.c.accepts != Accepts.OLD)
        )
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            return frozenset((row.credential, row.device) for row in connection.execute(statement))
