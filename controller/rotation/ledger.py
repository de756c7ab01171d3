"""What is being rotated or revoked, and what each device was last seen to accept."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from controller import audit
from controller.audit import Entry
from controller.people import fingerprint
from controller.store.engine import READ_ONLY
from controller.store.tables import revoked_keys, rotation_steps, rotations

OF_CREDENTIAL: Final = "+"
OF_HOST: Final = "@"
"""Before the name in `revoked_key.person`: the key was a credential's, or a device's own."""


class Kind(StrEnum):
    """What is rotated; a person's keys have no successor."""

    SSH = "ssh"
    SNMP = "snmp-v3"
    PERSON = "person"


PEOPLE: Final = frozenset({Kind.PERSON})
CREDENTIALS: Final = frozenset({Kind.SSH, Kind.SNMP})
"""People and credentials may have the same names."""


class Stage(StrEnum):
    """Where a rotation stands: devices get the new one, then give the old one up."""

    ADDING = "adding"
    REMOVING = "removing"
    DONE = "done"


class Accepts(StrEnum):
    """What a device was seen to accept; OLD also where nobody knows yet."""

    OLD = "old"
    BOTH = "both"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation of a credential, or the revocation of a person; times are epoch seconds."""

    id: str
    credential: str
    kind: Kind
    state: Stage
    why: str
    started_at: int
    started_by: str
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A device's part; `checked_at` is when it was last seen so, 0 for never. `detail` is for a person."""

    device: str
    accepts: Accepts
    detail: str
    checked_at: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """A public key that may log in nowhere any more; `person` is whose it was."""

    fingerprint: str
    person: str
    line: str
    revoked_at: int
    revoked_by: str
    why: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and writes it; every change of access is audited in its own transaction."""

    engine: Engine
    audit_key: bytes
    actor: str
    clock: Callable[[], datetime]

    def begin(
        self, credential: str, kind: Kind, why: str, devices: Iterable[str], revoked: Sequence[str] = ()
    ) -> Rotation:
        """Start one over these devices; of a person, with the lines that are `revoked`, all in one."""
        state = Stage.REMOVING if kind is Kind.PERSON else Stage.ADDING
        at = int(self.clock().timestamp())
        new = Rotation(token_hex(8), credential, kind, state, why, at, self.actor, None)
        with self.engine.begin() as connection:
            connection.execute(insert(rotations).values(**_values(new)))
            self._add(connection, new, devices)
            self._revoke(connection, credential, revoked, why)
            action = "access-revoked" if kind is Kind.PERSON else "rotation-started"
            keys = {"keys": " ".join(map(fingerprint, revoked))} if revoked else {}
            self._audit(connection, action, credential, {"rotation": new.id, "why": why, **keys})
        return new

    def add(self, rotation: Rotation, devices: Iterable[str]) -> None:
        """Devices that came later take part as well."""
        with self.engine.begin() as connection:
            self._add(connection, rotation, devices)

    def note(self, rotation: Rotation, step: Step) -> None:
        """What a device was seen to accept; audited when that is another thing than before."""
        where = (rotation_steps.c.rotation == rotation.id, rotation_steps.c.device == step.device)
        with self.engine.begin() as connection:
            before = connection.execute(select(rotation_steps.c.accepts).where(*where)).scalar_one()
            values = {"accepts": step.accepts, "detail": step.detail, "checked_at": step.checked_at}
            connection.execute(update(rotation_steps).where(*where).values(**values))
            if before != step.accepts:
                said = {"rotation": rotation.id, "credential": rotation.credential, "found": step.detail}
                self._audit(connection, f"device-accepts-{step.accepts}", step.device, said)

    def remove(self, rotation: Rotation) -> Rotation:
        """From now on devices give the old one up."""
        with self.engine.begin() as connection:
            self._move(connection, rotation, Stage.REMOVING, None)
        return self.one(rotation.id)

    def close(self, rotation: Rotation, revoked: Sequence[str] = ()) -> Rotation:
        """It is done; the old keys of a credential are `revoked` for good."""
        with self.engine.begin() as connection:
            if self._move(connection, rotation, Stage.DONE, int(self.clock().timestamp())):
                self._revoke(connection, OF_CREDENTIAL + rotation.credential, revoked, rotation.why)
        return self.one(rotation.id)

    def refuse_host(self, connection: Connection, device: str, line: str, why: str) -> None:
        """Never believe this host key again, whoever shows it."""
        self._revoke(connection, OF_HOST + device, [line], why)

    def one(self, name: str) -> Rotation:
        """The rotation of an id."""
        return next(found for found in self.all() if found.id == name)

    def all(self) -> tuple[Rotation, ...]:
        """Every rotation, oldest first."""
        statement = select(rotations).order_by(rotations.c.started_at, rotations.c.id)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(_rotation(row._mapping) for row in connection.execute(statement))

    def running(self) -> tuple[Rotation, ...]:
        """Those that are not done, oldest first."""
        return tuple(one for one in self.all() if one.state is not Stage.DONE)

    def of(self, name: str, kinds: Collection[Kind]) -> Rotation | None:
        """The newest of a credential or a person, and the one that is not done if there is one."""
        found = [one for one in self.all() if one.credential == name and one.kind in kinds]
        return max(found, key=lambda one: (one.state is not Stage.DONE, one.started_at), default=None)

    def steps(self, rotation: Rotation) -> tuple[Step, ...]:
        """Its devices, by name."""
        statement = select(rotation_steps).where(rotation_steps.c.rotation == rotation.id)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            found = connection.execute(statement.order_by(rotation_steps.c.device)).all()
        return tuple(Step(row.device, Accepts(row.accepts), row.detail, row.checked_at) for row in found)

    def revoked(self) -> tuple[Revoked, ...]:
        """Every key that may log in nowhere, oldest first, hosts' own keys among them."""
        statement = select(revoked_keys).order_by(revoked_keys.c.revoked_at, revoked_keys.c.fingerprint)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(Revoked(**row._mapping) for row in connection.execute(statement))

    def _add(self, connection: Connection, rotation: Rotation, devices: Iterable[str]) -> None:
        first = {"rotation": rotation.id, "accepts": Accepts.OLD, "detail": "", "checked_at": 0}
        values = [{**first, "device": name} for name in devices]
        if values:
            connection.execute(insert(rotation_steps), values)

    def _revoke(self, connection: Connection, person: str, lines: Sequence[str], why: str) -> None:
        known = set(connection.execute(select(revoked_keys.c.fingerprint)).scalars())
        for line in lines:
            if fingerprint(line) not in known:
                at = int(self.clock().timestamp())
                new = Revoked(fingerprint(line), person, line, at, self.actor, why)
                connection.execute(insert(revoked_keys).values(**_values(new)))

    def _move(self, connection: Connection, rotation: Rotation, to: Stage, ended_at: int | None) -> bool:
        """Whether it was this process that moved it."""
        where = (rotations.c.id == rotation.id, rotations.c.state == rotation.state)
        moved = update(rotations).where(*where).values(state=to, ended_at=ended_at)
        if not connection.execute(moved).rowcount:
            return False
        self._audit(connection, f"rotation-{to}", rotation.credential, {"rotation": rotation.id})
        return True

    def _audit(self, connection: Connection, action: str, subject: str, detail: dict[str, str]) -> None:
        audit.record(connection, self.audit_key, Entry(self.actor, action, subject, detail, self.clock()))


def _values(row: Rotation | Revoked) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__}


def _rotation(row: object) -> Rotation:
    values = dict(row)  # type: ignore[call-overload]
    return Rotation(**{**values, "kind": Kind(values["kind"]), "state": Stage(values["state"])})
