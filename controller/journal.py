"""The rollout journal: what is about to be done to each device, durable before it is done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Final

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, insert, select, update

from controller import audit
from controller.audit import Entry
from controller.errors import NotBegun
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
    """A device's place in a rollout; `deadline_at` (epoch seconds) is when its own timer has surely ended.

    A rollout in waves numbers its waves and the places of its devices from 0; who could not be reached
    `attempts` times is not tried before `next_at` (epoch seconds).
    """

    rollout: str
    device: str
    state: State
    intent_hash: str
    diff: str = ""
    token: str = ""
    detail: str = ""
    deadline_at: int = 0
    wave: int = 0
    place: int = 0
    model: str = ""
    attempts: int = 0
    next_at: int = 0


TURNS: Final = Lock()
"""Threads of one process that write into the store take turns, for on SQLite each would try in vain."""

APPLY: Final = "apply"
"""The kind of what one `plaza apply` or `plaza rollback` does, begun and ended by it."""


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
        values = [values_of(row, now) for row in rows]
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
        """A device's new state; durable on return.

        Raises NotBegun, and writes nothing, where it would begin a device of a rollout that goes on no more.
        """
        now = self.clock()
        where = (rollout_steps.c.rollout == row.rollout, rollout_steps.c.device == row.device)
        with TURNS, self.engine.begin() as connection:
            if row.state in OPEN and connection.execute(_stopped(row)).first():
                raise NotBegun(f"{row.device}: its rollout goes on no more; nothing was done")
            connection.execute(update(rollout_steps).where(*where).values(values_of(row, now)))
            if row.state not in OPEN:
                audit.record(connection, self.audit_key, ended(row, self.actor, now))

    def close(self, rollout: str, state: str) -> None:
        """The rollout ends: `state` is done or halted."""
        now = self.clock()
        with self.engine.begin() as connection:
            connection.execute(update(rollouts).where(rollouts.c.id == rollout).values(state=state))
            entry = Entry(self.actor, f"rollout-{state}", rollout, {}, now)
            audit.record(connection, self.audit_key, entry)

    def unfinished(self) -> dict[str, tuple[Row, ...]]:
        """What `plaza apply` began and nobody closed, oldest first, each with its rows."""
        open_ones = select(rollouts.c.id).where(rollouts.c.state == "running", rollouts.c.kind == APPLY)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            names = [row.id for row in connection.execute(open_ones.order_by(rollouts.c.created_at))]
        return {name: self.rows(name) for name in names}

    def rows(self, rollout: str) -> tuple[Row, ...]:
        """All devices of a rollout, by name."""
        return self._found(rollout_steps.c.rollout == rollout)

    def on_trial(self) -> tuple[Row, ...]:
        """Every device at which a trial may be open, of whatever rollout."""
        return self._found(rollout_steps.c.state.in_(OPEN))

    def _found(self, where: ColumnElement[bool]) -> tuple[Row, ...]:
        statement = select(rollout_steps).where(where).order_by(rollout_steps.c.device)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(_row(found) for found in connection.execute(statement).mappings())


def _stopped(row: Row) -> Select[tuple[str]]:
    """Finds the device where it is not begun yet and its rollout does not run."""
    return (
        select(rollout_steps.c.device)
        .join(rollouts, rollouts.c.id == rollout_steps.c.rollout)
        .where(rollouts.c.id == row.rollout, rollouts.c.state != "running")
        .where(rollout_steps.c.device == row.device, rollout_steps.c.state.not_in(OPEN))
    )


def ended(row: Row, actor: str, now: datetime) -> Entry:
    """What the audit log says of a device's part in a rollout."""
    detail = {"rollout": row.rollout, "intent": row.intent_hash, "detail": row.detail}
    return Entry(actor, f"device-{row.state.value.replace('_', '-')}", row.device, detail, now)


def values_of(row: Row, now: datetime) -> dict[str, str | int | None]:
    """A row as its table has it."""
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
        "wave": row.wave,
        "place": row.place,
        "model": row.model,
        "attempts": row.attempts,
        "next_at": row.next_at or None,
    }


def _row(found: RowMapping) -> Row:
    return Row(
        rollout=found["rollout"],
        device=found["device"],
        state=State(found["state"]),
        intent_hash=found["intent_hash"],
        diff=found["diff"],
        token=found["token"] or "",
        detail=found["detail"],
        deadline_at=found["deadline_at"] or 0,
        wave=found["wave"],
        place=found["place"],
        model=found["model"],
        attempts=found["attempts"],
        next_at=found["next_at"] or 0,
    )
