"""The keys under which devices are counted, each of one municipality and term, and their end."""

import logging
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from captive_portal.monthly_tables import device_counts, device_keys
from captive_portal.monthly_terms import Term
from captive_portal.privacy import KEY_OCTETS, ZEROS
from captive_portal.tables import insert
from metrics.distinct import BadSketch, Estimate, Sketch

log = logging.getLogger(__name__)

GRACE: Final = timedelta(hours=1)
"""How long after a term's end its key lives: for another process's clock, and a site in a zone beside."""

_key, _count = device_keys.c, device_counts.c
_KEY: Final = select(_key.key).where(
    _key.municipality == bindparam("of_municipality"), _key.term == bindparam("of_term")
)
_PLACE: Final = (_key.municipality, _key.term)
_CLOSED: Final = select(_count.kind).where(
    _count.municipality == bindparam("of_municipality"),
    _count.term == bindparam("of_term"),
    _count.devices.is_not(None),
)


def key_of(connection: Connection, municipality: str, term: Term, now: datetime) -> bytes | None:
    """The key of a term; the first to need it makes it, and nobody ever sees two. None once it is destroyed.

    What this transaction makes may yet be rolled back: remember it only after.
    """
    wanted = {"of_municipality": municipality, "of_term": term.name}
    found = connection.execute(_KEY, wanted).scalar()
    if found is None:
        close(connection, now)
        if _over(term.ends_at, now) or connection.execute(_CLOSED, wanted).first() is not None:
            return None
        row = {"municipality": municipality, "term": term.name, "ends_at": term.ends_at}
        fresh = insert(connection, device_keys).values(key=secrets.token_hex(KEY_OCTETS), **row)
        connection.execute(fresh.on_conflict_do_nothing())
        found = connection.execute(_KEY, wanted).scalar_one()
    return bytes.fromhex(found)


def destroy_old_keys(engine: Engine, now: datetime) -> int:
    """Destroy the keys of the terms that are over; how many there were."""
    with engine.begin() as connection:
        return close(connection, now)


def close(connection: Connection, now: datetime) -> int:
    """Turn the sketches of the terms that are over into numbers, and destroy their keys; how many.

    Overwritten, then deleted: SQLite leaves the content of a deleted row in its page.
    """
    over = _key.ends_at <= int((now - GRACE).timestamp())
    ended = connection.execute(select(_key.municipality, _key.term).where(over).order_by(*_PLACE)).all()
    for municipality, term in ended:
        _sum_up(connection, municipality, term)
    if ended:
        connection.execute(update(device_keys).where(over).values(key=ZEROS))
        connection.execute(delete(device_keys).where(over))
    return len(ended)


def _sum_up(connection: Connection, municipality: str, term: str) -> None:
    of_term = (_count.municipality == municipality, _count.term == term, _count.devices.is_(None))
    for row in connection.execute(select(_count.kind, _count.sketch).where(*of_term).with_for_update()).all():
        this = (*of_term, _count.kind == row.kind)
        connection.execute(update(device_counts).where(*this).values(sketch=bytes(len(row.sketch))))
        found = _estimate(row.sketch, municipality, term)
        if found is None:
            connection.execute(delete(device_counts).where(*this))
            continue
        numbers = {"devices": found.names, "devices_low": found.low, "devices_high": found.high}
        connection.execute(update(device_counts).where(*this).values(sketch=b"", **numbers))


def _estimate(octets: bytes, municipality: str, term: str) -> Estimate | None:
    """None of a damaged sketch: nobody knows how many there were."""
    try:
        return Sketch.read(octets).estimate()
    except BadSketch as error:
        lost = {"municipality": municipality, "term": term, "error": str(error)}
        log.error("sketch is damaged: the devices of this term are unknown", extra=lost)
        return None


def _over(ends_at: int, now: datetime) -> bool:
    return ends_at <= int((now - GRACE).timestamp())
