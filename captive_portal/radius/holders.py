"""Which session a phone holds, by the pseudonym of its MAC address, in the relational store."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from captive_portal.model import Running
from captive_portal.privacy import day_of, session_device
from captive_portal.radius.ledger import REBOOT
from captive_portal.sessions import READ_ONLY
from captive_portal.tables import pseudonym_keys, sessions

RESUMED: Final = frozenset(
    {"", REBOOT, "admin-reboot", "idle-timeout", "lost-carrier", "lost-service", "nas-error", "port-error"}
)
"""Ends that nobody chose: a phone that slept or walked by, an access point without power."""


class StoredHolders:
    """It only reads, and waits for no writer. With its day's key a phone is forgotten, and taps again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def held_by(self, site: str, device: str, now: datetime) -> Running | None:
        """The newest session of a phone, unless it ran out, was dismissed, or was left on purpose."""
        with self._read() as connection:
            found = _newest(connection, site, device, now)
        if found is None or found.expires_at <= now.timestamp() or found.dismissed_at is not None:
            return None
        if found.acctstoptime is not None and (found.acctterminatecause or "") not in RESUMED:
            return None
        used = (found.acctinputoctets or 0) + (found.acctoutputoctets or 0)
        expires_at = datetime.fromtimestamp(found.expires_at, UTC)
        bounds = (found.octets_max, found.down_kbps, found.up_kbps)
        return Running(found.acctuniqueid, expires_at, used, *bounds)

    def known(self, site: str, session: str) -> bool:
        """Whether this is a session of this site, running or over."""
        row = sessions.c
        wanted = select(row.acctuniqueid).where(row.acctuniqueid == session, row.site == site)
        with self._read() as connection:
            return connection.execute(wanted).first() is not None

    def last_of(self, site: str, device: str, now: datetime) -> str | None:
        """The newest session of a phone at this site, running or over."""
        with self._read() as connection:
            found = _newest(connection, site, device, now)
        return None if found is None else str(found.acctuniqueid)

    def _read(self) -> Connection:
        return self._engine.connect().execution_options(**READ_ONLY)


def _newest(connection: Connection, site: str, device: str, now: datetime) -> Row[Any] | None:
    today = select(pseudonym_keys.c.day).where(pseudonym_keys.c.day == day_of(now))
    if connection.execute(today).first() is None:
        return None  # nobody has tapped since the day began; to ask for its key would make one
    row = sessions.c
    wanted = select(sessions).where(row.site == site, row.device == session_device(connection, device, now))
    return connection.execute(wanted.order_by(row.granted_at.desc()).limit(1)).first()
