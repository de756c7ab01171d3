"""What happened at each site in a slot: numbers only, never a device."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Row,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from captive_portal.model import FailureReason, RefusalReason
from captive_portal.tables import insert, portal_counts, portal_reasons, sessions

SLOT_S: Final = 60
"""The portal counts by the minute; a longer slot is a sum of minutes."""

ACTIVE_S: Final = 600
"""A session is active while its octets grew within so many seconds: the longest pause between reports."""

_STATEMENTS: Final[dict[tuple[str, tuple["Counted", ...]], Executable]] = {}


class Counted(StrEnum):
    """What the portal counts; each is a column of portal_count."""

    PAGES = "pages"
    TAPS = "taps"
    GRANTS = "grants"
    REFUSALS = "refusals"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Sessions of one site in one slot.

    `admitted` run at its end; `active` are those of them whose octets grew in the ten minutes before, None
    where nobody reports octets. `octets` (both ways, None likewise) and `seconds` are of those that ended in
    it.
    """

    site: str
    opened: int
    ended: int
    admitted: int
    active: int | None
    octets: int | None
    seconds: int


@dataclass(frozen=True, slots=True)
class PortalCounts:
    """What the portal did at one site in one slot.

    `online` doors opened, of which we heard; `online_s` is the sum of seconds from their taps. `reasons` has
    how often each RefusalReason and FailureReason was told, by its word.
    """

    site: str
    arrivals: int
    taps: int
    grants: int
    refusals: int
    failures: int
    online: int
    online_s: int
    reasons: Mapping[str, int]


def add(connection: Connection, site: str, at: int, *counted: Counted) -> None:
    """Count one of each at a UTC epoch second, in one statement."""
    connection.execute(_one_more(connection, counted), {"site": site, "slot": at - at % SLOT_S})


def refuse(connection: Connection, site: str, reason: RefusalReason, at: int, *also: Counted) -> None:
    """Count a refusal by its reason."""
    add(connection, site, at, *also, Counted.REFUSALS)
    _because(connection, site, reason, at)


def fail(connection: Connection, site: str, reason: FailureReason, at: int) -> None:
    """Count what went wrong by its reason."""
    add(connection, site, at, Counted.FAILURES)
    _because(connection, site, reason, at)


def door(connection: Connection, site: str, granted_at: int, at: int) -> None:
    """Count a door that opened at a UTC epoch second, and how long its citizen waited since the tap."""
    row, values = portal_counts.c, {"online": 1, "online_s": max(0, at - granted_at)}
    one = insert(connection, portal_counts).values(site=site, slot=at - at % SLOT_S, **values)
    more = {name: row[name] + value for name, value in values.items()}
    connection.execute(one.on_conflict_do_update(index_elements=["site", "slot"], set_=more))


def of_sessions(connection: Connection, start: int, end: int) -> list[SessionCounts]:
    """The sites where a session opened, ended or ran between two UTC epoch seconds, `end` not included."""
    row = sessions.c
    opened = and_(row.acctstarttime >= start, row.acctstarttime < end)
    ended = and_(row.acctstoptime >= start, row.acctstoptime < end)
    running = or_(row.acctstoptime.is_(None), row.acctstoptime >= end)
    admitted = and_(row.acctstarttime < end, running, row.expires_at >= end)
    told = or_(row.acctinputoctets.is_not(None), row.acctoutputoctets.is_not(None))
    octets = func.coalesce(row.acctinputoctets, 0) + func.coalesce(row.acctoutputoctets, 0)
    seconds = func.coalesce(row.acctsessiontime, row.acctstoptime - row.acctstarttime, 0)
    query = (
        select(
            row.site,
            _sum(opened, 1).label("opened"),
            _sum(ended, 1).label("ended"),
            _sum(admitted, 1).label("admitted"),
            _sum(and_(admitted, row.active_at >= end - ACTIVE_S), 1).label("active"),
            _sum(ended, octets).label("octets"),
            _sum(ended, seconds).label("seconds"),
            _sum(and_(admitted, told), 1).label("admitted_told"),
            _sum(and_(ended, told), 1).label("ended_told"),
        )
        .where(or_(opened, ended, admitted))
        .group_by(row.site)
        .order_by(row.site)
    )
    return [_of_site(one) for one in connection.execute(query)]


def of_portal(connection: Connection, start: int, end: int) -> list[PortalCounts]:
    """The sites whose portal did anything between two UTC epoch seconds, `end` not included."""
    row = portal_counts.c
    same = ("taps", "grants", "refusals", "failures", "online", "online_s")
    names = (("pages", "arrivals"), *((name, name) for name in same))
    query = (
        select(row.site, *(_total(row[column]).label(name) for column, name in names))
        .where(row.slot >= start, row.slot < end)
        .group_by(row.site)
        .order_by(row.site)
    )
    why = _reasons(connection, start, end)
    found = connection.execute(query)
    return [PortalCounts(reasons=why.get(one["site"], {}), **one) for one in map(dict, found.mappings())]


def _of_site(row: Row[Any]) -> SessionCounts:
    return SessionCounts(
        site=row.site,
        opened=int(row.opened),
        ended=int(row.ended),
        admitted=int(row.admitted),
        active=int(row.active) if row.admitted_told or not row.admitted else None,
        octets=int(row.octets) if row.ended_told or not row.ended else None,
        seconds=int(row.seconds),
    )


def _reasons(connection: Connection, start: int, end: int) -> dict[str, dict[str, int]]:
    row = portal_reasons.c
    query = (
        select(row.site, row.reason, func.sum(row.times))
        .where(row.slot >= start, row.slot < end)
        .group_by(row.site, row.reason)
    )
    found: dict[str, dict[str, int]] = {}
    for site, reason, times in connection.execute(query):
        found.setdefault(site, {})[reason] = int(times)
    return found


def _because(connection: Connection, site: str, reason: RefusalReason | FailureReason, at: int) -> None:
    slot = at - at % SLOT_S
    one = insert(connection, portal_reasons).values(site=site, slot=slot, reason=reason.value, times=1)
    more = {"times": portal_reasons.c.times + 1}
    connection.execute(one.on_conflict_do_update(index_elements=["site", "slot", "reason"], set_=more))


def _one_more(connection: Connection, counted: tuple[Counted, ...]) -> Executable:
    """The statement, built once for each dialect and set of columns: every tap uses it."""
    wanted = (connection.dialect.name, counted)
    if wanted not in _STATEMENTS:
        columns = {one.value: 1 for one in counted}
        more = {one.value: portal_counts.c[one.value] + 1 for one in counted}
        row = insert(connection, portal_counts).values(
            site=bindparam("site"), slot=bindparam("slot"), **columns
        )
        _STATEMENTS[wanted] = row.on_conflict_do_update(index_elements=["site", "slot"], set_=more)
    return _STATEMENTS[wanted]


def _total(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)  # PostgreSQL adds up whole numbers to a NUMERIC


def _sum(when: ColumnElement[bool], value: ColumnElement[int] | int) -> ColumnElement[int]:
    return func.sum(case((when, value), else_=0))
