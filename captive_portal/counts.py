"""What happened at each site in a slot: numbers only, never a device."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from captive_portal.tables import insert, portal_counts, sessions

SLOT_S: Final = 60
"""The portal counts by the minute; a longer slot is a sum of minutes."""


class Counted(StrEnum):
    """What the portal counts; each is a column of portal_count."""

    PAGES = "pages"
    GRANTS = "grants"
    REFUSALS = "refusals"


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Sessions of one site in one slot; `octets` (both ways) and `seconds` are of those that ended in it."""

    site: str
    opened: int
    ended: int
    online: int
    octets: int
    seconds: int


@dataclass(frozen=True, slots=True)
class PortalCounts:
    """What the portal did at one site in one slot."""

    site: str
    pages: int
    grants: int
    refusals: int


def add(connection: Connection, site: str, counted: Counted, at: int) -> None:
    """Count one at a UTC epoch second."""
    one = insert(connection, portal_counts).values(site=site, slot=at - at % SLOT_S, **{counted.value: 1})
    more = {counted.value: portal_counts.c[counted.value] + 1}
    connection.execute(one.on_conflict_do_update(index_elements=["site", "slot"], set_=more))


def of_sessions(connection: Connection, start: int, end: int) -> list[SessionCounts]:
    """The sites where a session opened, ended or ran between two UTC epoch seconds, `end` not included."""
    row = sessions.c
    opened = and_(row.acctstarttime >= start, row.acctstarttime < end)
    ended = and_(row.acctstoptime >= start, row.acctstoptime < end)
    running = or_(row.acctstoptime.is_(None), row.acctstoptime >= end)
    online = and_(row.acctstarttime < end, running, row.expires_at >= end)
    octets = func.coalesce(row.acctinputoctets, 0) + func.coalesce(row.acctoutputoctets, 0)
    seconds = func.coalesce(row.acctsessiontime, row.acctstoptime - row.acctstarttime, 0)
    query = (
        select(
            row.site,
            _sum(opened, 1),
            _sum(ended, 1),
            _sum(online, 1),
            _sum(ended, octets),
            _sum(ended, seconds),
        )
        .where(or_(opened, ended, online))
        .group_by(row.site)
        .order_by(row.site)
    )
    return [SessionCounts(site, *map(int, numbers)) for site, *numbers in connection.execute(query)]


def of_portal(connection: Connection, start: int, end: int) -> list[PortalCounts]:
    """The sites whose portal did anything between two UTC epoch seconds, `end` not included."""
    row = portal_counts.c
    query = (
        select(row.site, func.sum(row.pages), func.sum(row.grants), func.sum(row.refusals))
        .where(row.slot >= start, row.slot < end)
        .group_by(row.site)
        .order_by(row.site)
    )
    return [PortalCounts(site, *map(int, numbers)) for site, *numbers in connection.execute(query)]


def _sum(when: ColumnElement[bool], value: ColumnElement[int] | int) -> ColumnElement[int]:
    return func.sum(case((when, value), else_=0))
