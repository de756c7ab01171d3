"""How a device is entered: its login by credential name, its pinned host key and the device before it."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine, delete, insert, select

from controller import audit
from controller.audit import Entry
from controller.errors import AdoptionError, SecretError
from controller.store.engine import READ_ONLY
from controller.store.tables import host_keys, revoked_keys
from drivers.errors import HostKeyChanged
from drivers.host_key import HostKey
from drivers.model import Device, GatewayKind, Intent, Secret, Secrets, SnmpV3

if TYPE_CHECKING:
    from drivers.ssh import SshShell


class Keyring(Secrets, Protocol):
    """Looks up what a device is configured with, too."""

    def portal(self, name: str) -> Secret:
        """What an access point's own gateway shares with the portal or with RADIUS."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Logins and secrets, looked up where they are used.

    `devices`, by name, are those that a login may lead through. `login_timeout_s` shortens what a device
    allows for one login.
    """

    secrets: Keyring
    engine: Engine
    login_timeout_s: float = math.inf
    devices: Mapping[str, Device] = field(default_factory=dict)

    def enter(self, device: Device, user_suffix: str = "") -> "SshShell":
        """A new login, through another at `ssh_jump` where there is one; closing it closes both.

        `user_suffix` goes behind the user's name, as RouterOS takes options of its terminal.

        Raises DriverError, of the one of the two that fails, or SecretError for a credential that cannot be
        read.
        """
        jump = self.jump(device)
        if jump is None:
            return self._login(device, None, user_suffix)
        try:
            shell = self._login(device, jump, user_suffix)
        except BaseException:
            jump.close()
            raise
        shell.close_with(jump)
        return shell

    def jump(self, device: Device) -> "SshShell | None":
        """A new login at the device that carries us on to this one; None where we reach it ourselves.

        Raises like `enter`.
        """
        return self.enter(self.devices[device.ssh_jump]) if device.ssh_jump else None

    def _login(self, device: Device, through: "SshShell | None", user_suffix: str) -> "SshShell":
        from drivers import ssh  # noqa: PLC0415  brings netmiko, and many who have an Access never log in

        login = self.secrets.of(device).ssh(device.ssh_credentials)
        host_key = pinned(self.engine, device.name)
        timeout_s = min(device.ssh_timeout_s, self.login_timeout_s)
        try:
            return ssh.connect(device, login, host_key, timeout_s, through=through, user_suffix=user_suffix)
        except HostKeyChanged as error:
            other = owner(self.engine, error.shown) if error.shown else ""
            if not other:
                raise
            hint = f"that is the key of {other}: are cables or addresses swapped?"
            raise HostKeyChanged(device.name, error.reason, hint, error.shown) from error

    def adopted(self) -> frozenset[str]:
        """The names of the devices whose host key is pinned."""
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return frozenset(connection.execute(select(host_keys.c.device)).scalars())

    def accepted(self, device: Device, lines: Sequence[str]) -> tuple[str, ...]:
        """Those of these lines of authorized_keys with which one may log in where we do, as the device says.

        We log in first: a device that refuses everybody tells nothing. Raises like `enter`.
        """
        from drivers import ssh  # noqa: PLC0415

        with self.enter(device) as ours:
            user = ours.user
        host_key = pinned(self.engine, device.name)
        timeout_s = min(device.ssh_timeout_s, self.login_timeout_s)
        with self.jump(device) or nullcontext() as through:
            return tuple(
                line
                for line in lines
                if ssh.would_accept(device, user, line, host_key, timeout_s, through=through)
            )

    def passphrases(self, intent: Intent) -> Mapping[str, Secret]:
        """The Wi-Fi passphrases an intent names, by credential. Raises SecretError."""
        names = {ssid.passphrase for ssid in intent.ssids if ssid.passphrase}
        secrets = self._of(intent)
        return {name: secrets.passphrase(name) for name in sorted(names)}

    def snmp_users(self, intent: Intent) -> Mapping[str, SnmpV3]:
        """The SNMPv3 users an intent names, by credential. Raises SecretError."""
        secrets = self._of(intent)
        return {name: self._snmp_user(secrets, name) for name in intent.manage.snmp_users}

    def _of(self, intent: Intent) -> Keyring:
        """The secrets as the device of an intent has them."""
        device = self.devices.get(intent.device)
        return self.secrets if device is None else self.secrets.of(device)

    def _snmp_user(self, secrets: Keyring, name: str) -> SnmpV3:
        found = secrets.snmp(name)
        if not isinstance(found, SnmpV3):
            raise SecretError(f"credential {name}: is no SNMPv3 user, name one of kind snmp-v3 instead")
        return found

    def portal_secrets(self, intent: Intent) -> Mapping[str, Secret]:
        """What an intent's gateway shares with the portal, by credential; nothing where that gateway is ours.

        Raises SecretError.
        """
        wiring = intent.captive
        if wiring is None or wiring.kind is GatewayKind.PLAZA or not wiring.credentials:
            return {}
        return {wiring.credentials: self._of(intent).portal(wiring.credentials)}


def pinned(engine: Engine, device: str) -> HostKey | None:
    """The host key pinned at adoption, None before."""
    statement = select(host_keys).where(host_keys.c.device == device)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(statement).first()
    return HostKey(row.kind, row.public_key, row.fingerprint) if row else None


def owner(engine: Engine, fingerprint: str) -> str:
    """The first device by name that this host key is pinned for, "" where it is nobody's."""
    statement = select(host_keys.c.device).where(host_keys.c.fingerprint == fingerprint)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return connection.execute(statement.order_by(host_keys.c.device)).scalar() or ""


@dataclass(frozen=True, slots=True)
class Pinning:
    """Who pins a host key, and the key of the audit log that remembers it."""

    engine: Engine
    audit_key: bytes
    actor: str

    def pin(self, device: str, key: HostKey, now: datetime) -> None:
        """Believe this host key from now on, in place of any other; audited in the same transaction.

        Raises AdoptionError for the key of a device that was stolen.
        """
        with self.engine.begin() as connection:
            self.pin_in(connection, device, key, now)

    def pin_in(self, connection: Connection, device: str, key: HostKey, now: datetime) -> None:
        """The same within the transaction of a connection."""
        refused = select(revoked_keys.c.person).where(revoked_keys.c.fingerprint == key.fingerprint)
        if stolen := connection.execute(refused).scalar():
            whose = stolen.lstrip("@")
            raise AdoptionError(f"{device}: {key.fingerprint} is the host key of {whose}, which was stolen")
        before = connection.execute(
            select(host_keys.c.fingerprint).where(host_keys.c.device == device)
        ).scalar()
        detail = {"fingerprint": key.fingerprint, "kind": key.kind}
        detail |= {"replaces": before} if before else {}
        connection.execute(delete(host_keys).where(host_keys.c.device == device))
        connection.execute(
            insert(host_keys).values(
                device=device,
                kind=key.kind,
                public_key=key.public_key,
                fingerprint=key.fingerprint,
                pinned_at=int(now.timestamp()),
                pinned_by=self.actor,
            )
        )
        entry = Entry(self.actor, "host-key-pinned", device, detail, now)
        audit.record(connection, self.audit_key, entry)
