"""What each device ran, version by version: readable without secrets, restorable because sealed whole."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, Engine, delete, func, insert, select

from controller import keys
from controller.errors import NoSuchVersion, StoreError
from controller.store.engine import READ_ONLY
from controller.store.tables import config_versions as table
from drivers.configurers.seam import Running
from drivers.model import Device, Secret

KEPT: Final = 50
"""Versions of a device; older ones are dropped."""

_KEY_FILE: Final = "history.key"


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration of a device; `number` counts from 1, `reason` is before or after a change of ours."""

    device: str
    number: int
    at: int
    actor: str
    reason: str
    rollout: str
    platform: str
    fingerprint: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A configuration to keep: the device's own, and its text without secrets."""

    running: Running
    text: str
    reason: str
    rollout: str


def load_key(data_dir: Path) -> bytes:
    """The key that seals configurations, in data_dir/history.key. Raises StoreError for an unsafe file."""
    return keys.load(data_dir, _KEY_FILE, "key of the configuration history")


@dataclass(frozen=True, slots=True)
class History:
    """Keeps and gives back configurations."""

    engine: Engine
    key: bytes
    actor: str
    clock: Callable[[], datetime]

    def keep(self, device: Device, seen: Seen) -> int:
        """The number under which it is kept: the newest one's, when nothing has changed since."""
        with self.engine.begin() as connection:
            newest = _newest(connection, device.name)
            if newest is not None and newest[1] == seen.running.fingerprint:
                return newest[0]
            number = newest[0] + 1 if newest is not None else 1
            connection.execute(insert(table).values(self._values(device, seen, number)))
            too_old = (table.c.device == device.name, table.c.number <= number - KEPT)
            connection.execute(delete(table).where(*too_old))
        return number

    def versions(self, device: str) -> tuple[Version, ...]:
        """What is kept of a device, newest first."""
        columns = [column for column in table.c if column.name != "sealed"]
        statement = select(*columns).where(table.c.device == device).order_by(table.c.number.desc())
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(Version(**row._mapping) for row in connection.execute(statement))

    def before(self, device: Device, fingerprint: str) -> int:
        """The newest version that is not the one with this fingerprint. Raises NoSuchVersion."""
        known = [one for one in self.versions(device.name) if one.platform == device.platform]
        found = next((one.number for one in known if one.fingerprint != fingerprint), None)
        if found is None:
            raise NoSuchVersion(_missing(device, None, tuple(known)))
        return found

    def running(self, device: Device, number: int) -> Running:
        """A version as it was, secrets and all. Raises NoSuchVersion, StoreError when it cannot be opened."""
        statement = select(table).where(table.c.device == device.name, table.c.number == number)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            row = connection.execute(statement).first()
        if row is None or row.platform != device.platform:
            raise NoSuchVersion(_missing(device, number, self.versions(device.name)))
        try:
            text = _box(self.key).decrypt(row.sealed).decode("utf-8", "surrogateescape")
        except InvalidToken:
            what = f"version {number} of {device.name} was sealed with another {_KEY_FILE}"
            raise StoreError(f"{what}; put that key back from a backup") from None
        return Running(Secret(text), row.fingerprint)

    def _values(self, device: Device, seen: Seen, number: int) -> dict[str, object]:
        whole = seen.running.text.reveal().encode("utf-8", "surrogateescape")
        return {
            "device": device.name,
            "number": number,
            "at": int(self.clock().timestamp()),
            "actor": self.actor,
            "reason": seen.reason,
            "rollout": seen.rollout,
            "platform": device.platform,
            "fingerprint": seen.running.fingerprint,
            "text": seen.text.encode("utf-8", "replace").decode(),
            "sealed": _box(self.key).encrypt(whole),
        }


def _newest(connection: Connection, device: str) -> tuple[int, str] | None:
    last = select(func.max(table.c.number)).where(table.c.device == device).scalar_subquery()
    statement = select(table.c.number, table.c.fingerprint).where(
        table.c.device == device, table.c.number == last
    )
    row = connection.execute(statement).first()
    return (row.number, row.fingerprint) if row is not None else None


def _missing(device: Device, number: int | None, known: tuple[Version, ...]) -> str:
    numbers = [str(version.number) for version in known if version.platform == device.platform]
    if not numbers:
        return f"{device.name}: nothing is kept of it yet; `plaza apply {device.name}` keeps what it changes"
    if number is None:
        return f"{device.name}: it runs the only version that is kept of it; there is nothing to go back to"
    return f"{device.name}: there is no version {number} of it; write one of {', '.join(numbers)}"


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key))
