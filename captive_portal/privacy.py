"""The daily pseudonyms of devices: made under a key that is destroyed when its day is over."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Select, bindparam, delete, select, update

from captive_portal.gateway.ticket import pseudonym
from captive_portal.quick_read import QuickRead
from captive_portal.tables import insert, pseudonym_keys

DAY_BEGINS: Final = timedelta(hours=10)
"""When a day begins, since midnight UTC: three to five in the morning in all of the State's zones, whatever
the season, so that no evening is cut in two. All processes of one store have to be given the same."""

AHEAD: Final = timedelta(minutes=10)
"""How far the clock of another process may be ahead: its key of the day to come is let be."""

KEY_OCTETS: Final = 32
ZEROS: Final = "0" * (2 * KEY_OCTETS)

KEY_OF_DAY: Final[Select[Any]] = select(pseudonym_keys.c.key).where(
    pseudonym_keys.c.day == bindparam("of_day")
)

_known: Final[WeakKeyDictionary[Engine, tuple[str, bytes]]] = WeakKeyDictionary()


def day_of(now: datetime, begins: timedelta = DAY_BEGINS) -> str:
    """The day whose key is in force, as YYYY-MM-DD; it is 24 hours long."""
    return (now.astimezone(UTC) - begins).date().isoformat()


def session_device(connection: Connection, device: str, now: datetime, begins: timedelta = DAY_BEGINS) -> str:
    """Today's pseudonym of a device that a gateway has already hashed: 32 hex digits, useless tomorrow."""
    return pseudonym(_key_of_today(connection, now, begins), "session", device)


def known_device(keys: QuickRead, device: str, now: datetime, begins: timedelta = DAY_BEGINS) -> str:
    """Today's pseudonym, read only: "" when nobody has tapped since the day began, for no key is made.

    `keys` reads KEY_OF_DAY.
    """
    today = day_of(now, begins)
    known = _known.get(keys.engine)
    if known is None or known[0] != today:
        found = keys.rows(of_day=today)
        if not found:
            return ""
        known = _known[keys.engine] = today, bytes.fromhex(found[0].key)
    return pseudonym(known[1], "session", device)


def known_devices(
    connection: Connection, devices: Iterable[str], now: datetime, begins: timedelta = DAY_BEGINS
) -> list[str]:
    """The same of many, in their order; none when no key is there."""
    wanted = select(pseudonym_keys.c.key).where(pseudonym_keys.c.day == day_of(now, begins))
    key = connection.execute(wanted).scalar()
    return [] if key is None else [pseudonym(bytes.fromhex(key), "session", device) for device in devices]


def forget_old_key(engine: Engine, now: datetime, begins: timedelta = DAY_BEGINS) -> None:
    """Forget what this process remembers of a key whose day is over."""
    known = _known.get(engine)
    if known is not None and known[0] != day_of(now, begins):
        _known.pop(engine, None)


def destroy_old_keys(engine: Engine, now: datetime, begins: timedelta = DAY_BEGINS) -> int:
    """Destroy the keys of the days that are over; how many there were.

    Where the hour was moved, the key of a day that has now yet to begin is destroyed too: else it would be
    taken up again then, and outlive a day.
    """
    forget_old_key(engine, now, begins)
    with engine.begin() as connection:
        return _destroy(connection, now, begins)


def _key_of_today(connection: Connection, now: datetime, begins: timedelta) -> bytes:
    """The day's key; the first to need it makes it, and nobody ever sees two.

    It is remembered until its day is over, and only once it was found in the store: what this transaction
    makes may yet be rolled back.
    """
    today = day_of(now, begins)
    known = _known.get(connection.engine)
    if known is not None and known[0] == today:
        return known[1]
    forget_old_key(connection.engine, now, begins)
    wanted = select(pseudonym_keys.c.key).where(pseudonym_keys.c.day == today)
    key = connection.execute(wanted).scalar()
    if key is None:
        _destroy(connection, now, begins)
        fresh = insert(connection, pseudonym_keys).values(day=today, key=secrets.token_hex(KEY_OCTETS))
        connection.execute(fresh.on_conflict_do_nothing())
        return bytes.fromhex(connection.execute(wanted).scalar_one())
    _known[connection.engine] = (today, bytes.fromhex(key))
    return bytes.fromhex(key)


def _destroy(connection: Connection, now: datetime, begins: timedelta) -> int:
    """Overwrite, then delete: SQLite leaves the content of a deleted row in its page."""
    over = pseudonym_keys.c.day.not_in({day_of(now, begins), day_of(now + AHEAD, begins)})
    connection.execute(update(pseudonym_keys).where(over).values(key=ZEROS))
    return connection.execute(delete(pseudonym_keys).where(over)).rowcount
