"""The words of every privacy notice that a session names, kept once for its version and never deleted."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, select

from captive_portal.tables import insert, notices

_known: Final[WeakKeyDictionary[Engine, set[str]]] = WeakKeyDictionary()


def publish(engine: Engine, version: str, municipality: str, words: Callable[[], str], now: datetime) -> None:
    """Keep the words of a version, durable on return; `words` makes them, and only when nobody has yet.

    They are made before anything is locked, for that takes milliseconds. Of several processes at once the
    first one's row stays: they say the same, for the version is their hash.
    """
    known = _known.setdefault(engine, set())
    if version in known:
        return
    with engine.connect().execution_options(read_only=True) as connection:
        is_kept = text_of(connection, version) is not None
    if not is_kept:
        row = {
            "version": version,
            "municipality": municipality,
            "text": words(),
            "first_shown_at": int(now.timestamp()),
        }
        with engine.begin() as connection:
            connection.execute(insert(connection, notices).values(row).on_conflict_do_nothing())
    known.add(version)


def text_of(connection: Connection, version: str) -> str | None:
    """The words of a version; None where no session ever named it."""
    text: str | None = connection.execute(
        select(notices.c.text).where(notices.c.version == version)
    ).scalar_one_or_none()
    return text


def versions(connection: Connection) -> list[tuple[str, str, datetime]]:
    """Each version with the municipality and the moment where it was shown first, the newest last."""
    row = notices.c
    wanted = select(row.version, row.municipality, row.first_shown_at)
    found = connection.execute(wanted.order_by(row.first_shown_at, row.version))
    return [(version, where, datetime.fromtimestamp(at, UTC)) for version, where, at in found]
