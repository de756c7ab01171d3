"""What the store says of keys, put into the inventory: people's, revoked ones, and those of rotations."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select

from controller.errors import SecretError
from controller.model import Inventory
from controller.people import Turning, blob, keyed
from controller.rotation.generations import public_line
from controller.rotation.ledger import OF_HOST, Accepts, Kind, Stage
from controller.secrets import NEXT, NOW, FileSecrets
from controller.store.engine import READ_ONLY
from controller.store.tables import revoked_keys, rotation_steps, rotations
from drivers.model import Device

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest rotation of a credential: `accepts` by device, `new` and `old` the lines of an SSH key."""

    credential: str
    kind: Kind
    stage: Stage
    accepts: Mapping[str, Accepts]
    new: str = ""
    old: str = ""


def applied(inventory: Inventory, engine: Engine, secrets: FileSecrets) -> Inventory:
    """The inventory with the keys that devices take and give up."""
    revoked = revoked_lines(engine)
    newest = [found for one in _rotations(engine) if (found := _with_keys(one, secrets)) is not None]
    if not (inventory.people or revoked or newest):
        return inventory
    turning = (
        {device.name: _turning(newest, device) for device in inventory.devices.values()} if newest else {}
    )
    return keyed(inventory, revoked, turning)


def revoked_lines(engine: Engine) -> tuple[str, ...]:
    """What may log in nowhere, oldest first; not devices' own keys, which never log in."""
    columns = select(revoked_keys.c.line).where(revoked_keys.c.person.not_like(f"{OF_HOST}%"))
    statement = columns.order_by(revoked_keys.c.revoked_at, revoked_keys.c.fingerprint)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return tuple(connection.execute(statement).scalars())


def _rotations(engine: Engine) -> list[_Newest]:
    statement = select(rotations).where(rotations.c.kind != Kind.PERSON)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = sorted(
            connection.execute(statement), key=lambda row: (row.started_at, row.state != Stage.DONE)
        )
        newest = {row.credential: row for row in rows}
        found = []
        for name, row in newest.items():
            steps = connection.execute(select(rotation_steps).where(rotation_steps.c.rotation == row.id))
            accepts = {step.device: Accepts(step.accepts) for step in steps}
            found.append(_Newest(name, Kind(row.kind), Stage(row.state), accepts))
    return found


def _with_keys(one: _Newest, secrets: FileSecrets) -> _Newest | None:
    """With the public halves of its keys; None for one whose keys cannot be read, as nobody logs in then."""
    if one.kind is not Kind.SSH:
        return one
    names = (one.credential,) if one.stage is Stage.DONE else (one.credential + NEXT, one.credential + NOW)
    try:
        lines = [_public(secrets, name) for name in names]
    except SecretError as error:
        log.warning("a rotated key cannot be read", extra={"credential": one.credential, "error": str(error)})
        return None
    return _Newest(one.credential, one.kind, one.stage, one.accepts, lines[0], lines[-1])


def _public(secrets: FileSecrets, name: str) -> str:
    login = secrets.ssh(name)
    if login.private_key is None:
        raise SecretError(f"credential {name}: has no private key any more, add private_key: ref+file:NAME")
    return public_line(login.private_key.reveal(), name.partition("+")[0])


def _turning(newest: list[_Newest], device: Device) -> Turning:
    given: list[str] = []
    taken: list[str] = []
    users: dict[str, tuple[str, ...]] = {}
    for one in newest:
        seen = one.accepts.get(device.name, Accepts.OLD)
        gives_up = one.stage is Stage.REMOVING and seen is not Accepts.OLD
        if one.kind is Kind.SSH and device.ssh_credentials == one.credential:
            given += [one.new] if gives_up else [one.new, one.old]
            taken += [one.old] if gives_up and blob(one.old) != blob(one.new) else []
        elif one.kind is Kind.SNMP and one.stage is not Stage.DONE:
            both = (one.credential + NOW, one.credential + NEXT)
            users[one.credential] = both[1:] if gives_up else both
    return Turning(tuple(given), tuple(taken), users)
