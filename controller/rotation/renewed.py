"""What a running poller asks devices with, after a rotation has moved on since it started."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Engine, or_, select
from sqlalchemy.exc import SQLAlchemyError

from controller.errors import SecretError
from controller.rotation.ledger import Kind
from controller.secrets import FileSecrets
from controller.store.engine import READ_ONLY
from controller.store.tables import rotations
from drivers.model import Device, SnmpCredentials

log = logging.getLogger(__name__)

EVERY_S: Final = 15.0


class Renewed:
    """The credentials of devices whose SNMPv3 user is rotated, or was since `started` (epoch seconds).

    One query each EVERY_S seconds, and no file is read while nothing is rotated.
    """

    def __init__(
        self,
        engine: Engine,
        secrets: FileSecrets,
        devices: Mapping[str, Device],
        started: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._secrets = secrets
        self._devices = devices
        self._started = started
        self._now = now
        self._until = float("-inf")
        self._known: dict[str, SnmpCredentials] = {}

    def __call__(self, device: str) -> SnmpCredentials | None:
        """What to ask a device with instead of what it was asked with at the start; None for the same."""
        if self._now() >= self._until:
            self._until = self._now() + EVERY_S
            try:
                self._known = self._asked()
            except (SecretError, SQLAlchemyError) as error:
                log.warning("rotations are not known now", extra={"error": str(error)})
        return self._known.get(device)

    def _asked(self) -> dict[str, SnmpCredentials]:
        recent = or_(rotations.c.ended_at.is_(None), rotations.c.ended_at >= self._started)
        statement = select(rotations.c.credential).where(rotations.c.kind == Kind.SNMP, recent)
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            names = set(connection.execute(statement).scalars())
        return {
            device.name: self._secrets.of(device).snmp(device.snmp_credentials)
            for device in self._devices.values()
            if device.snmp_credentials in names
        }
