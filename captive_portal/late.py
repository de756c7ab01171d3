"""Figures of slots that are over: which are to be made anew, because something was told of them late."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, delete, select, update

from captive_portal.counts import SLOT_S, slot_of
from captive_portal.tables import insert, late_slots

LATE_S: Final = 3 * SLOT_S
"""Younger slots are made anew in any case."""


def note(connection: Connection, site: str, moments: Iterable[int | str | None], now: int) -> None:
    """Something happened at these UTC epoch seconds, and we hear of it now. In the caller's transaction."""
    slots = [slot_of(int(moment)) for moment in moments if moment is not None]
    if not slots or min(slots) >= now - LATE_S:
        return
    fresh = insert(connection, late_slots).values(site=site, since=min(slots))
    earlier = fresh.excluded.since < late_slots.c.since
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["site"], set_={"since": fresh.excluded.since}, where=earlier
        )
    )


def waiting(connection: Connection) -> dict[str, int]:
    """By site, the first slot to be made anew."""
    return {row.site: int(row.since) for row in connection.execute(select(late_slots))}


def made(connection: Connection, site: str, since: int, until: int, end: int) -> None:
    """The slots from `since` to `until` were made anew; the rest up to `end` waits.

    Where something earlier was told meanwhile, all of it waits.
    """
    mine = (late_slots.c.site == site, late_slots.c.since == since)
    if until >= end:
        connection.execute(delete(late_slots).where(*mine))
    else:
        connection.execute(update(late_slots).where(*mine).values(since=until))
