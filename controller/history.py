"""What each device ran, version by version: readable without secrets, restorable because sealed whole."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from controller import keys
from controller.errors import NoSuchVersion, StoreError
from controller.store.engine import READ_ONLY
from controller.store.tables import config_versions as table
from drivers.configurers.lasting import mark
from drivers.configurers.seam import Running
from drivers.model import Device, Secret

KEPT: Final = 50
"""Versions of a device; older ones are dropped."""

SEEN: Final = "seen"
ACCEPTED: Final = "accepted"
WISHED: Final = "wished"
TRIED: Final = "tried"

_KEY_FILE: Final = "history.key"


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration of a device; `number` counts from 1.

    `reason` is `before` or `after` a change of ours, `seen` where somebody else changed something, `accepted`
    when a person said so of one that was seen, `wished` where one was seen that is as the inventory has it;
    `tried` is what a near end ran when the far end of its link was about to be confirmed.
    """

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
            if newest is not None and self._is(newest, device.platform, seen.running):
                if newest.reason == TRIED and seen.reason != SEEN:
                    self.settle(connection, device, newest.number, seen.reason)
                return int(newest.number)
            number = newest.number + 1 if newest is not None else 1
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
        """The newest version that stayed and is not the one with this fingerprint. Raises NoSuchVersion."""
        versions = self.versions(device.name)
        known = [one for one in versions if one.platform == device.platform and one.reason != TRIED]
        found = next((one.number for one in known if one.fingerprint != fingerprint), None)
        if found is None:
            raise NoSuchVersion(_missing(device, None, tuple(known)))
        return found

    def tried(self, device: Device, rollout: str) -> Running | None:
        """What it ran in this rollout when the far end of its link was about to be confirmed."""
        found = (one for one in self.versions(device.name) if (one.rollout, one.reason) == (rollout, TRIED))
        version = next((one for one in found if one.platform == device.platform), None)
        return self.running(device, version.number) if version is not None else None

    def running(self, device: Device, number: int) -> Running:
        """A version as it was, secrets and all. Raises NoSuchVersion, StoreError when it cannot be opened."""
        statement = select(table).where(table.c.device == device.name, table.c.number == number)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            row = connection.execute(statement).first()
        if row is None or row.platform != device.platform:
            raise NoSuchVersion(_missing(device, number, self.versions(device.name)))
        try:
            return self._opened(row)
        except InvalidToken:
            what = f"version {number} of {device.name} was sealed with another {_KEY_FILE}"
            raise StoreError(f"{what}; put that key back from a backup") from None

    def known(self, device: Device) -> int | None:
        """The version that it should run if nobody else changed it: the newest that is not only `seen` or
        `tried`, else the oldest; None when nothing is kept of it yet."""
        return self.known_of([device])[device.name]

    def known_of(self, devices: Sequence[Device]) -> dict[str, int | None]:
        """The same of several devices, by name."""
        platforms = {device.name: device.platform for device in devices}
        columns = (table.c.device, table.c.number, table.c.platform, table.c.reason)
        statement = select(*columns).where(table.c.device.in_(platforms)).order_by(table.c.number)
        found: dict[str, int | None] = dict.fromkeys(platforms)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            for row in connection.execute(statement):
                is_first = found[row.device] is None
                if row.platform == platforms[row.device] and (is_first or row.reason not in {SEEN, TRIED}):
                    found[row.device] = row.number
        return found

    def settle(self, connection: Connection, device: Device, number: int, reason: str) -> None:
        """From now on this version is what the device should run if nobody else changes it."""
        chosen = (table.c.device == device.name, table.c.number == number)
        connection.execute(update(table).where(*chosen).values(reason=reason, actor=self.actor))

    def _is(self, row: Row[Any], platform: str, running: Running) -> bool:
        """Whether a version is what runs, in all that somebody could have set."""
        if row.platform != platform or row.fingerprint != running.fingerprint:
            return False
        try:
            return mark(platform, self._opened(row)) == mark(platform, running)
        except InvalidToken:
            return False

    def _opened(self, row: Row[Any]) -> Running:
        text = _box(self.key).decrypt(row.sealed).decode("utf-8", "surrogateescape")
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


def _newest(connection: Connection, device: str) -> Row[Any] | None:
    last = select(func.max(table.c.number)).where(table.c.device == device).scalar_subquery()
    statement = select(table).where(table.c.device == device, table.c.number == last)
    return connection.execute(statement).first()


def _missing(device: Device, number: int | None, known: tuple[Version, ...]) -> str:
    numbers = [str(version.number) for version in known if version.platform == device.platform]
    if not numbers:
        return f"{device.name}: nothing is kept of it yet; `plaza apply {device.name}` keeps what it changes"
    if number is None:
        return f"{device.name}: it runs the only version that is kept of it; there is nothing to go back to"
    return f"{device.name}: there is no version {number} of it; write one of {', '.join(numbers)}"


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key))
