"""Claims: a new device's one chance to be taken in, within a day, bound to its MAC."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Final

from sqlalchemy import ColumnElement, Engine, insert, select, update

from controller import audit, keys
from controller.access import Pinning
from controller.adoption.tokens import Identity, token_hash, token_of
from controller.audit import Entry
from controller.errors import AdoptionError
from controller.store import facts as known_facts
from controller.store.engine import READ_ONLY
from controller.store.tables import claims
from drivers.facts import Facts
from drivers.host_key import HostKey
from drivers.model import Device, Lifecycle, Secret

KEY_FILE: Final = "claims.key"
VALID: Final = timedelta(hours=24)


class ClaimKind(StrEnum):
    """What a claim is for: a device that is expected, or another box under a name that is known."""

    ADOPT = "adopt"
    REPLACE = "replace"


STATES: Final = {
    ClaimKind.ADOPT: frozenset({Lifecycle.EXPECTED, Lifecycle.STAGING}),
    ClaimKind.REPLACE: frozenset({Lifecycle.EXPECTED, Lifecycle.STAGING, Lifecycle.ACTIVE}),
}
"""In which states a device may be claimed."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A claim as a technician gets it."""

    identity: Identity
    token: Secret
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest claim of a device."""

    issued_at: int
    expires_at: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a store, and the keys that tokens and the audit log are made with."""

    engine: Engine
    master: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)

    def issue(self, device: Device, kind: ClaimKind, actor: str, now: datetime) -> Ticket:
        """A new token for a device; what older ones promised is void. Raises AdoptionError, StoreBusy."""
        require_claimable(device, kind)
        identity = Identity(token_hex(16), device.name, device.mac)
        token = token_of(self.master, identity)
        moment, until = int(now.timestamp()), now + VALID
        open_ones = (claims.c.device == device.name, claims.c.used_at.is_(None), claims.c.expires_at > moment)
        with self.engine.begin() as connection:
            void = connection.execute(update(claims).where(*open_ones).values(expires_at=moment)).rowcount
            connection.execute(
                insert(claims).values(
                    token_hash=token_hash(token),
                    device=device.name,
                    mac=device.mac,
                    kind=kind.value,
                    issued_at=moment,
                    issued_by=actor,
                    expires_at=int(until.timestamp()),
                )
            )
            detail = {"kind": kind.value, "mac": device.mac, "revoked": str(void)}
            audit.record(connection, self.audit_key, Entry(actor, "claim-issued", device.name, detail, now))
        return Ticket(identity, token, until)

    def kind_of_open(self, token: Secret, identity: Identity, now: datetime) -> ClaimKind | None:
        """What the claim with this token is for; None when it is not known, used, or over."""
        wanted = select(claims.c.kind).where(*_still_open(token, identity, now))
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            kind = connection.execute(wanted).scalar()
        return None if kind is None else ClaimKind(kind)

    def redeem(
        self, token: Secret, identity: Identity, host_key: HostKey, facts: Facts, now: datetime
    ) -> bool:
        """Use the claim up, believe the host key and keep the facts, in one transaction; False when not open.

        Raises StoreBusy.
        """
        moment, name = int(now.timestamp()), identity.device
        use = update(claims).where(*_still_open(token, identity, now)).values(used_at=moment)
        with self.engine.begin() as connection:
            if connection.execute(use).rowcount != 1:
                return False
            detail = {"mac": identity.mac, "model": facts.model, "serial": facts.serial}
            entry = Entry(f"device {name}", "claimed", name, detail, now)
            audit.record(connection, self.audit_key, entry)
            Pinning(self.engine, self.audit_key, f"device {name}").pin_in(connection, name, host_key, now)
            known_facts.keep(connection, name, facts, moment)
        return True


def load_claims(engine: Engine, data_dir: Path) -> Claims:
    """The claims with the keys of the data directory. Raises StoreError for an unsafe file."""
    return Claims(engine, keys.load(data_dir, KEY_FILE, "key of claims"), audit.load_key(data_dir))


def require_claimable(device: Device, kind: ClaimKind) -> None:
    """Raises AdoptionError that says what the inventory has to say first."""
    if not device.mac:
        raise AdoptionError(
            f"{device.name}: the inventory does not say its MAC; add `mac:` as printed on the box"
        )
    if device.state not in STATES[kind]:
        mend = "plaza replace" if kind is ClaimKind.ADOPT else "mend its `state:`"
        raise AdoptionError(f"{device.name}: its state is {device.state}, it is no expected device; {mend}")


def standings(engine: Engine) -> dict[str, Standing]:
    """The newest claim of every device that had one."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(select(claims).order_by(claims.c.issued_at, claims.c.expires_at)).all()
    return {row.device: Standing(row.issued_at, row.expires_at, row.used_at) for row in rows}


def _still_open(token: Secret, identity: Identity, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        claims.c.token_hash == token_hash(token),
        claims.c.device == identity.device,
        claims.c.mac == identity.mac,
        claims.c.used_at.is_(None),
        claims.c.expires_at > int(now.timestamp()),
    )
