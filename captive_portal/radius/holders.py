"""Which session a phone holds, by the pseudonym of its MAC address, in the relational store."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, select

from captive_portal.model import Running
from captive_portal.opening import OF_DEVICE, noun
from captive_portal.privacy import DAY_BEGINS, day_of, forget_old_key, session_device
from captive_portal.radius.accounting import REBOOT
from captive_portal.sessions import READ_ONLY
from captive_portal.tables import pseudonym_keys

RESUMED: Final = frozenset(
    {"", REBOOT, "admin-reboot", "idle-timeout", "lost-carrier", "lost-service", "nas-error", "port-error"}
)
"""Ends that nobody chose: a phone that slept or walked by, an access point without power."""

_KEY: Final = select(pseudonym_keys.c.day).where(pseudonym_keys.c.day == bindparam("of_day"))
_NEWEST: Final = OF_DEVICE.limit(1)


class StoredHolders:
    """It only reads, and waits for no writer. With its day's key a phone is forgotten, and taps again.

    `day_begins` is when that key changes, since midnight UTC.
    """

    def __init__(self, engine: Engine, day_begins: timedelta = DAY_BEGINS) -> None:
        self._engine = engine
        self._day_begins = day_begins

    def held_by(self, site: str, device: str, now: datetime) -> Running | None:
        """The newest session of a phone, unless it ran out, was dismissed, or was left on purpose."""
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            found = self._newest(connection, site, device, now)
        if found is None or found.expires_at <= now.timestamp() or found.dismissed_at is not None:
            return None
        if found.acctstoptime is not None and (found.acctterminatecause or "") not in RESUMED:
            return None
        return noun(found)

    def last_of(self, connection: Connection, site: str, device: str, now: datetime) -> str | None:
        """The newest session of a phone at this site, running or over."""
        found = self._newest(connection, site, device, now)
        return None if found is None else str(found.acctuniqueid)

    def _newest(self, connection: Connection, site: str, device: str, now: datetime) -> Row[Any] | None:
        forget_old_key(connection.engine, now, self._day_begins)
        if connection.execute(_KEY, {"of_day": day_of(now, self._day_begins)}).first() is None:
            return None  # nobody has tapped since the day began; to ask for its key would make one
        name = session_device(connection, device, now, self._day_begins)
        return connection.execute(_NEWEST, {"of_site": site, "of_device": name}).first()
