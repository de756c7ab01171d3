"""Which devices hold how much of which image: written before the first octet, gone with the last."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, exists, insert, select, update

from controller import audit
from controller.audit import Entry
from controller.journal import OPEN, Journal, State
from controller.rollouts.seam import Kind, Phase
from controller.store.engine import READ_ONLY
from controller.store.tables import firmware_copies as table
from controller.store.tables import rollout_steps, rollouts

_UNENDED = frozenset({State.PLANNED, State.PENDING}) | OPEN
_GOING = (Phase.RUNNING.value, Phase.PAUSED.value, Phase.HALTED.value)


@dataclass(frozen=True, slots=True)
class Copy:
    """How much of an image a device holds; `sent` counts every octet that went to it over the uplink."""

    device: str
    sha256: str
    octets: int
    sent: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and writes copies; that one begins and that it is gone is in the audit log."""

    journal: Journal

    def begin(self, device: str, sha256: str) -> None:
        """From now on there may be something of it at the device."""
        here = (table.c.device == device, table.c.sha256 == sha256)
        new = {"device": device, "sha256": sha256, "octets": 0, "sent": 0, "updated_at": self._now()}
        with self._engine.begin() as connection:
            if connection.execute(select(table.c.device).where(*here)).first() is None:
                connection.execute(insert(table).values(new))
                self._record(connection, "firmware-copy-begun", device, sha256)

    def note(self, device: str, sha256: str, octets: int, more: int) -> None:
        """It holds so many octets now, and so many more went over the uplink."""
        here = (table.c.device == device, table.c.sha256 == sha256)
        values = {"octets": octets, "sent": table.c.sent + more, "updated_at": self._now()}
        with self._engine.begin() as connection:
            connection.execute(update(table).where(*here).values(values))

    def forget(self, device: str, sha256: str) -> None:
        """Nothing of it is there any more."""
        here = (table.c.device == device, table.c.sha256 == sha256)
        with self._engine.begin() as connection:
            if connection.execute(delete(table).where(*here)).rowcount:
                self._record(connection, "firmware-copy-gone", device, sha256)

    def all(self) -> tuple[Copy, ...]:
        """Every copy, by device."""
        statement = select(table).order_by(table.c.device, table.c.sha256)
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(Copy(**row) for row in connection.execute(statement).mappings())

    def waiting_for(self, sha256: str) -> frozenset[str]:
        """Devices of unended rollouts that are still to get this image, or are being flashed with it."""
        of_rollout = (rollouts.c.id == rollout_steps.c.rollout, rollouts.c.kind == Kind.FIRMWARE.value)
        goes_on = exists().where(*of_rollout, rollouts.c.state.in_(_GOING))
        statement = select(rollout_steps.c.device).where(
            rollout_steps.c.intent_hash == sha256, rollout_steps.c.state.in_(_UNENDED), goes_on
        )
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            return frozenset(connection.execute(statement).scalars())

    @property
    def _engine(self) -> Engine:
        return self.journal.engine

    def _now(self) -> int:
        return int(self.journal.clock().timestamp())

    def _record(self, connection: Connection, action: str, device: str, sha256: str) -> None:
        entry = Entry(self.journal.actor, action, device, {"image": sha256}, self.journal.clock())
        audit.record(connection, self.journal.audit_key, entry)
