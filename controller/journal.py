"""The rollout journal: what is about to be done to each device, durable before it is done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine, insert, select, update

from controller import audit
from controller.audit import Entry
from controller.store.engine import READ_ONLY
from controller.store.tables import rollout_steps, rollouts


class State(StrEnum):
    """Where a device of a rollout stands."""

    PLANNED = "planned"
    ARMED = "armed"
    APPLIED = "applied"
    VERIFIED = "verified"
    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    HELD = "held"
    PENDING = "pending"
    SKIPPED = "skipped"


OPEN: Final = frozenset({State.ARMED, State.APPLIED, State.VERIFIED})
"""A trial may be open at the device."""


@dataclass(frozen=True, slots=True)
class Row:
    """A device's place in a rollout; `deadline_at` (epoch seconds) is when its own timer has surely ended."""

    rollout: str
    device: str
    state: State
    intent_hash: str
    diff: str = ""
    token: str = ""
    detail: str = ""
    deadline_at: int = 0


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes rows, and what ends a device's part into the audit log within the same transaction."""

    engine: Engine
    audit_key: bytes
    actor: str
    clock: Callable[[], datetime]

    def begin(self, rollout: str, selector: str, rows: Iterable[Row]) -> None:
        """A new rollout with all its devices."""
        now = self.clock()
        values = [_values(row, now) for row in rows]
        with self.engine.begin() as connection:
            connection.execute(
                insert(rollouts).values(
                    id=rollout,
                    created_at=int(now.timestamp()),
                    created_by=self.actor,
                    state="running",
                    selector=selector,
                )
            )
            connection.execute(insert(rollout_steps), values)
            detail = {"selector": selector, "devices": str(len(values))}
            entry = Entry(self.actor, "rollout-started", rollout, detail, now)
            audit.record(connection, self.audit_key, entry)

    def write(self, row: Row) -> None:
        """A device's new state; durable on return."""
        now = self.clock()
        where = (rollout_steps.c.rollout == row.rollout, rollout_steps.c.device == row.device)
        with self.engine.begin() as connection:
            connection.execute(update(rollout_steps).where(*where).values(_values(row, now)))
            if row.state not in OPEN:
                detail = {"rollout": row.rollout, "intent": row.intent_hash, "detail": row.detail}
                action = f"device-{row.state.value.replace('_', '-')}"
                entry = Entry(self.actor, action, row.device, detail, now)
                audit.record(connection, self.audit_key, entry)

    def close(self, rollout: str, state: str) -> None:
        """The rollout ends: `state` is done or halted."""
        now = self.clock()
        with self.engine.begin() as connection:
            connection.execute(update(rollouts).where(rollouts.c.id == rollout).values(state=state))
            entry = Entry(self.actor, f"rollout-{state}", rollout, {}, now)
            audit.record(connection, self.audit_key, entry)

    def unfinished(self) -> dict[str, tuple[Row, ...]]:
        """The rollouts that nobody closed, oldest first, each with its rows."""
        open_ones = select(rollouts.c.id).where(rollouts.c.state == "running").order_by(rollouts.c.created_at)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            names = [row.id for row in connection.execute(open_ones)]
        return {name: self.rows(name) for name in names}

    def rows(self, rollout: str) -> tuple[Row, ...]:
        """All devices of a rollout, by name."""
        statement = select(rollout_steps).where(rollout_steps.c.rollout == rollout)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            found = connection.execute(statement.order_by(rollout_steps.c.device)).all()
        return tuple(
            Row(
                rollout=row.rollout,
                device=row.device,
                state=State(row.state),
                intent_hash=row.intent_hash,
                diff=row.diff,
                token=row.token or "",
                detail=row.detail,
                deadline_at=row.deadline_at or 0,
            )
            for row in found
        )


def _values(row: Row, now: datetime) -> dict[str, str | int | None]:
    return {
        "rollout": row.rollout,
        "device": row.device,
        "state": row.state.value,
        "token": row.token or None,
        "intent_hash": row.intent_hash,
        "diff": row.diff,
        "detail": row.detail,
        "updated_at": int(now.timestamp()),
        "deadline_at": row.deadline_at or None,
    }
