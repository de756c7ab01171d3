"""How a device is entered: its login by credential name and its pinned host key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from controller import audit
from controller.audit import Entry
from controller.store.engine import READ_ONLY
from controller.store.tables import host_keys
from drivers import ssh
from drivers.model import Device, Intent, Secret, Secrets
from drivers.ssh import HostKey, SshShell


@dataclass(frozen=True, slots=True)
class Access:
    """Logins and passphrases, looked up where they are used."""

    secrets: Secrets
    engine: Engine
    login_timeout_s: float = 30.0

    def enter(self, device: Device) -> SshShell:
        """A new login. Raises DriverError, or SecretError for a credential that cannot be read."""
        host_key = pinned(self.engine, device.name)
        return ssh.connect(device, self.secrets.ssh(device.ssh_credentials), host_key, self.login_timeout_s)

    def passphrases(self, intent: Intent) -> Mapping[str, Secret]:
        """The Wi-Fi passphrases an intent names, by credential. Raises SecretError."""
        names = {ssid.passphrase for ssid in intent.ssids if ssid.passphrase}
        return {name: self.secrets.passphrase(name) for name in sorted(names)}


def pinned(engine: Engine, device: str) -> HostKey | None:
    """The host key pinned at adoption, None before."""
    statement = select(host_keys).where(host_keys.c.device == device)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(statement).first()
    return HostKey(row.kind, row.public_key, row.fingerprint) if row else None


@dataclass(frozen=True, slots=True)
class Pinning:
    """Who pins a host key, and the key of the audit log that remembers it."""

    engine: Engine
    audit_key: bytes
    actor: str

    def pin(self, device: str, key: HostKey, now: datetime) -> None:
        """Believe this host key from now on, in place of any other; audited in the same transaction."""
        before = pinned(self.engine, device)
        detail = {"fingerprint": key.fingerprint, "kind": key.kind}
        detail |= {"replaces": before.fingerprint} if before else {}
        with self.engine.begin() as connection:
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
