"""Rollouts in waves as the store keeps them; what turns one is in the audit log in the same transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, or_, select, update

from controller import audit
from controller.audit import Entry
from controller.errors import RolloutError
from controller.journal import APPLY, OPEN, Journal, Row, State, ended, values_of
from controller.rollouts.seam import Asked, Kind, Phase, Policy
from controller.store.engine import READ_ONLY
from controller.store.tables import rollout_steps, rollouts

OUT_OF_REACH: Final = "those that were out of reach"
"""What a wave is called that comes after all that were planned."""

ENDED: Final = frozenset({Phase.ABORTED, Phase.DONE})
_UNBEGUN: Final = frozenset({State.PLANNED, State.PENDING})


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout. Times are epoch seconds; `soaking_since` 0 while devices of its wave are being changed.

    `names` are its waves, for a person. The failures of the devices in `seen` do not stop it any more: a
    person looked at them and went on.
    """

    name: str
    kind: Kind
    selector: str
    why: str
    policy: Policy
    phase: Phase = Phase.RUNNING
    created_at: int = 0
    created_by: str = ""
    wave: int = 0
    soaking_since: int = 0
    reason: str = ""
    names: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    @property
    def wave_said(self) -> str:
        """The wave that is under way, for a person."""
        if self.wave >= len(self.names):
            return OUT_OF_REACH
        return f"wave {self.wave + 1} of {len(self.names)} ({self.names[self.wave]})"


@dataclass(frozen=True, slots=True)
class Store:
    """Reads and turns rollouts; `journal` writes the rows of their devices."""

    journal: Journal

    def now(self) -> int:
        """Epoch seconds."""
        return int(self.journal.clock().timestamp())

    def begin(self, rollout: Rollout, rows: Sequence[Row]) -> None:
        """A new rollout with its frozen list of devices."""
        now = self.now()
        values = {
            "id": rollout.name,
            "created_at": now,
            "created_by": self.journal.actor,
            "state": rollout.phase.value,
            "selector": rollout.selector,
            "kind": rollout.kind.value,
            "why": rollout.why,
            "policy": _packed(rollout),
        }
        detail = {
            "kind": rollout.kind.value,
            "selector": rollout.selector,
            "why": rollout.why,
            "devices": " ".join(row.device for row in rows),
            "policy": json.dumps(_plain(rollout.policy)),
        }
        with self.journal.engine.begin() as connection:
            connection.execute(insert(rollouts).values(values))
            connection.execute(insert(rollout_steps), [values_of(row, self.journal.clock()) for row in rows])
            self._record(connection, "rollout-started", rollout.name, detail)
            self._tell_ended(connection, rows)

    def get(self, name: str) -> Rollout:
        """The rollout of exactly this name. Raises RolloutError."""
        statement = select(rollouts).where(rollouts.c.id == name, rollouts.c.kind != APPLY)
        with self.journal.engine.connect().execution_options(**READ_ONLY) as connection:
            row = connection.execute(statement).mappings().first()
        if row is None:
            raise RolloutError(f"rollout {name!r} is not known; see plaza rollout status")
        return _rollout(row)

    def phase(self, name: str) -> Phase:
        """Where it stands now."""
        statement = select(rollouts.c.state).where(rollouts.c.id == name)
        with self.journal.engine.connect().execution_options(**READ_ONLY) as connection:
            return Phase(connection.execute(statement).scalar_one())

    def find(self, short: str) -> Rollout:
        """The rollout whose name begins so, the newest one for "". Raises RolloutError."""
        statement = select(rollouts.c.id).where(rollouts.c.kind != APPLY, rollouts.c.id.startswith(short))
        newest = statement.order_by(rollouts.c.created_at.desc(), rollouts.c.id)
        with self.journal.engine.connect().execution_options(**READ_ONLY) as connection:
            names = [row.id for row in connection.execute(newest)]
        if not names:
            said = f"rollout {short!r} is not known" if short else "there is no rollout yet"
            raise RolloutError(f"{said}; begin one with plaza rollout start")
        if short and len(names) > 1:
            raise RolloutError(f"rollout {short!r} is {len(names)} rollouts; write more of its name")
        return self.get(names[0])

    def to_carry_on(self) -> tuple[str, ...]:
        """Those that go on, and those that were stopped while a device was on trial; oldest first."""
        on_trial = select(rollout_steps.c.rollout).where(rollout_steps.c.state.in_(OPEN))
        wanted = or_(rollouts.c.state == Phase.RUNNING.value, rollouts.c.id.in_(on_trial))
        statement = select(rollouts.c.id).where(rollouts.c.kind != APPLY, wanted)
        with self.journal.engine.connect().execution_options(**READ_ONLY) as connection:
            found = connection.execute(statement.order_by(rollouts.c.created_at, rollouts.c.id))
            return tuple(row.id for row in found)

    def rows(self, name: str) -> tuple[Row, ...]:
        """Its devices, in their turn."""
        return tuple(sorted(self.journal.rows(name), key=lambda row: (row.wave, row.place)))

    def turn(self, rollout: Rollout, to: Phase, why: str, **changes: Any) -> bool:
        """Take a rollout from the phase it was read in to another, unless somebody was quicker.

        `changes` are of policy, soaking_since, seen. An aborted one holds what it had not begun.
        """
        after = replace(rollout, phase=to, reason=why, **changes)
        verb = "resumed" if to is Phase.RUNNING else to.value
        detail = {"why": why, "wave": rollout.wave_said, **_said_of(changes)}
        with self.journal.engine.begin() as connection:
            if not self._move(connection, rollout, after):
                return False
            self._record(connection, f"rollout-{verb}", rollout.name, detail)
            if to is Phase.ABORTED:
                self._hold_rest(connection, rollout.name, why)
        return True

    def soak(self, rollout: Rollout, said: str) -> bool:
        """All devices of the wave are done; what it did to the network shows from now on."""
        return self._go_on(rollout, replace(rollout, soaking_since=self.now()), "rollout-soaking", said)

    def next_wave(self, rollout: Rollout, said: str) -> bool:
        """The next wave may begin; `said` is the evidence for it."""
        after = replace(rollout, wave=rollout.wave + 1, soaking_since=0)
        return self._go_on(rollout, after, "rollout-wave", said)

    def note_wait(self, rollout: Rollout, said: str) -> None:
        """What a wave that has soaked waits for; nothing for the audit log."""
        where = (rollouts.c.id == rollout.name, *_as_read(rollout))
        with self.journal.engine.begin() as connection:
            connection.execute(update(rollouts).where(*where).values(reason=said))

    def note(self, row: Row) -> None:
        """When a device is tried again; durable, and nothing for the audit log."""
        where = (rollout_steps.c.rollout == row.rollout, rollout_steps.c.device == row.device)
        with self.journal.engine.begin() as connection:
            unbegun = rollout_steps.c.state.in_(_UNBEGUN)
            values = values_of(row, self.journal.clock())
            connection.execute(update(rollout_steps).where(*where, unbegun).values(values))

    def hold_rest(self, name: str) -> None:
        """What an aborted rollout has not begun is held, also what was on its way when it was aborted."""
        why = self.get(name).reason
        with self.journal.engine.begin() as connection:
            self._hold_rest(connection, name, why)

    def replan(self, rollout: Rollout, after: Rollout, rows: Iterable[Row]) -> bool:
        """Put devices into waves of their own after the one under way, and go on with them."""
        changed = list(rows)
        with self.journal.engine.begin() as connection:
            if not self._move(connection, rollout, after):
                return False
            for row in changed:
                where = (rollout_steps.c.rollout == row.rollout, rollout_steps.c.device == row.device)
                values = values_of(row, self.journal.clock())
                connection.execute(update(rollout_steps).where(*where).values(values))
            names = " ".join(row.device for row in changed)
            detail = {"why": after.reason, "devices": names, "wave": after.wave_said}
            self._record(connection, "rollout-retried", rollout.name, detail)
            self._tell_ended(connection, changed)
        return True

    def _go_on(self, rollout: Rollout, after: Rollout, action: str, said: str) -> bool:
        after = replace(after, reason="")
        with self.journal.engine.begin() as connection:
            moved = self._move(connection, rollout, after)
            if moved:
                self._record(connection, action, rollout.name, {"wave": after.wave_said, "why": said})
        return moved

    def _move(self, connection: Connection, rollout: Rollout, after: Rollout) -> bool:
        """Whether it was still as it was read."""
        where = (rollouts.c.id == rollout.name, *_as_read(rollout))
        values = {
            "state": after.phase.value,
            "policy": _packed(after),
            "wave": after.wave,
            "soaking_since": after.soaking_since or None,
            "reason": after.reason,
        }
        return connection.execute(update(rollouts).where(*where).values(values)).rowcount == 1

    def _hold_rest(self, connection: Connection, name: str, why: str) -> None:
        where = (rollout_steps.c.rollout == name, rollout_steps.c.state.in_(_UNBEGUN))
        names = connection.execute(select(rollout_steps.c.device).where(*where)).scalars().all()
        if not names:
            return
        values = {"state": State.HELD.value, "detail": f"the rollout was aborted: {why}"}
        connection.execute(update(rollout_steps).where(*where).values(values | {"updated_at": self.now()}))
        self._record(connection, "rollout-held", name, {"devices": " ".join(names), "why": why})

    def _tell_ended(self, connection: Connection, rows: Iterable[Row]) -> None:
        now = self.journal.clock()
        for row in rows:
            if row.state not in _UNBEGUN:
                audit.record(connection, self.journal.audit_key, ended(row, self.journal.actor, now))

    def _record(self, connection: Connection, action: str, name: str, detail: Mapping[str, str]) -> None:
        entry = Entry(self.journal.actor, action, name, detail, self.journal.clock())
        audit.record(connection, self.journal.audit_key, entry)


def _as_read(rollout: Rollout) -> tuple[ColumnElement[bool], ...]:
    """Finds it only where nobody turned it since."""
    return (
        rollouts.c.state == rollout.phase.value,
        rollouts.c.policy == _packed(rollout),
        rollouts.c.wave == rollout.wave,
    )


def _said_of(changes: Mapping[str, Any]) -> dict[str, str]:
    """What else changed, for the audit log."""
    said = {}
    if "policy" in changes:
        said["policy"] = json.dumps(_plain(changes["policy"]))
    if "seen" in changes:
        said["seen"] = " ".join(sorted(changes["seen"]))
    return said


def _plain(policy: Policy) -> dict[str, Any]:
    return asdict(policy) | {"without": sorted(asked.value for asked in policy.without)}


def _packed(rollout: Rollout) -> str:
    return json.dumps(
        {"policy": _plain(rollout.policy), "waves": rollout.names, "seen": sorted(rollout.seen)}
    )


def _rollout(row: RowMapping) -> Rollout:
    packed = json.loads(row["policy"])
    policy = packed["policy"]
    return Rollout(
        name=row["id"],
        kind=Kind(row["kind"]),
        selector=row["selector"],
        why=row["why"],
        policy=Policy(
            **{
                **policy,
                "shares": tuple(policy["shares"]),
                "without": frozenset(map(Asked, policy["without"])),
            }
        ),
        phase=Phase(row["state"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        wave=row["wave"],
        soaking_since=row["soaking_since"] or 0,
        reason=row["reason"],
        names=tuple(packed["waves"]),
        seen=frozenset(packed["seen"]),
    )
