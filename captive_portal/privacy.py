"""The daily pseudonyms of devices: made under a key that is destroyed when its day is over."""

import secrets
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, delete, select, update

from captive_portal.gateway.ticket import pseudonym
from captive_portal.tables import insert, pseudonym_keys

# 10:00 UTC is between three and four in the morning in all of the State's zones: no evening is cut in two.
DAY_BEGINS: Final = timedelta(hours=10)
KEY_OCTETS: Final = 32
ZEROS: Final = "0" * (2 * KEY_OCTETS)

_known: Final[WeakKeyDictionary[Engine, tuple[str, bytes]]] = WeakKeyDictionary()


def day_of(now: datetime) -> str:
    """The day whose key is in force, as YYYY-MM-DD."""
    return (now - DAY_BEGINS).date().isoformat()


def session_device(connection: Connection, device: str, now: datetime) -> str:
    """Today's pseudonym of a device that a gateway has already hashed: 32 hex digits, useless tomorrow."""
    return pseudonym(_key_of_today(connection, now), "session", device)


def known_device(connection: Connection, device: str, now: datetime) -> str:
    """Today's pseudonym, read only: "" when nobody has tapped since the day began, for no key is made."""
    wanted = select(pseudonym_keys.c.key).where(pseudonym_keys.c.day == day_of(now))
    key = connection.execute(wanted).scalar()
    return "" if key is None else pseudonym(bytes.fromhex(key), "session", device)


def forget_old_key(engine: Engine, now: datetime) -> None:
    """Forget what this process remembers of a key whose day is over."""
    known = _known.get(engine)
    if known is not None and known[0] != day_of(now):
        _known.pop(engine, None)


def destroy_old_keys(engine: Engine, now: datetime) -> int:
    """Destroy the keys of the days that are over; how many there were."""
    forget_old_key(engine, now)
    with engine.begin() as connection:
        return _destroy(connection, day_of(now))


def _key_of_today(connection: Connection, now: datetime) -> bytes:
    """The day's key; the first to need it makes it, and nobody ever sees two.

    It is remembered until its day is over, and only once it was found in the store: what this transaction
    makes may yet be rolled back.
    """
    known = _known.get(connection.engine)
    if known is not None and known[0] == day_of(now):
        return known[1]
    forget_old_key(connection.engine, now)
    wanted = select(pseudonym_keys.c.key).where(pseudonym_keys.c.day == day_of(now))
    key = connection.execute(wanted).scalar()
    if key is None:
        _destroy(connection, day_of(now))
        fresh = insert(connection, pseudonym_keys).values(day=day_of(now), key=secrets.token_hex(KEY_OCTETS))
        connection.execute(fresh.on_conflict_do_nothing())
        return bytes.fromhex(connection.execute(wanted).scalar_one())
    _known[connection.engine] = (day_of(now), bytes.fromhex(key))
    return bytes.fromhex(key)


def _destroy(connection: Connection, today: str) -> int:
    """Overwrite, then delete: SQLite leaves the content of a deleted row in its page."""
    over = pseudonym_keys.c.day < today
    connection.execute(update(pseudonym_keys).where(over).values(key=ZEROS))
    return connection.execute(delete(pseudonym_keys).where(over)).rowcount
