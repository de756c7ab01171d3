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

from captive_portal.accounting import OVERDUE, UNREPORTED
from captive_portal.model import FailureReason, RefusalReason
from captive_portal.tables import insert, portal_counts, portal_reasons, sessions

SLOT_S: Final = 60
"""The portal counts by the minute; a longer slot is a sum of minutes."""

ACTIVE_S: Final = 600
"""A session is active while its octets grew within so many seconds: the longest pause between reports."""

ONLINE: Final = "online"
_OVERDUE_S: Final = int(OVERDUE.total_seconds())
_STATEMENTS: Final[dict[tuple[str, tuple[str, ...]], Executable]] = {}


class Counted(StrEnum):
    """What the portal counts; each is a column of portal_count."""

    PAGES = "pages"
    TAPS = "taps"
    GRANTS = "grants"
    REFUSALS = "refusals"
    FAILURES = "failures"
    MARKED = "marked"
    UNMARKED = "unmarked"


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Sessions of one site in one slot.

    `admitted` run at its end; `active` are those of them whose octets grew in the ten minutes before, None
    where nobody reports octets while they run. `octets` (both ways) and `seconds` are of those that ended in
    it, None where nobody told them of any. An end that no gateway told counts when it is written (OVERDUE).
    """

    site: str
    opened: int
    ended: int
    admitted: int
    active: int | None
    octets: int | None
    seconds: int | None


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
    connection.execute(_one_more(connection, counted), {"site": site, "slot": slot_of(at)})


def slot_of(at: int) -> int:
    """The minute of a UTC epoch second."""
    return at - at % SLOT_S


def add_pages(connection: Connection, pages: Mapping[tuple[str, int], int]) -> None:
    """Count first pages by their site and slot."""
    one = insert(connection, portal_counts).values(
        site=bindparam("site"), slot=bindparam("slot"), pages=bindparam("pages")
    )
    more = {"pages": portal_counts.c.pages + one.excluded.pages}
    connection.execute(
        one.on_conflict_do_update(index_elements=["site", "slot"], set_=more),
        [{"site": site, "slot": slot, "pages": many} for (site, slot), many in pages.items()],
    )


def refuse(connection: Connection, site: str, reason: RefusalReason, at: int, *also: Counted) -> None:
    """Count a refusal by its reason."""
    add(connection, site, at, *also, Counted.REFUSALS)
    _because(connection, site, reason, at)


def fail(connection: Connection, site: str, reason: FailureReason, at: int) -> None:
    """Count what went wrong by its reason."""
    add(connection, site, at, Counted.FAILURES)
    _because(connection, site, reason, at)


def add_failures(connection: Connection, reason: FailureReason, failures: Mapping[str, int], at: int) -> None:
    """Count what went wrong for the same reason, by site, in the slot of a UTC epoch second."""
    place = {"site": bindparam("site"), "slot": slot_of(at)}
    one = insert(connection, portal_counts).values(**place, failures=bindparam("many"))
    more = {"failures": portal_counts.c.failures + one.excluded.failures}
    why = insert(connection, portal_reasons).values(**place, reason=reason.value, times=bindparam("many"))
    often = {"times": portal_reasons.c.times + why.excluded.times}
    rows = [{"site": site, "many": many} for site, many in failures.items()]
    connection.execute(one.on_conflict_do_update(index_elements=["site", "slot"], set_=more), rows)
    connection.execute(why.on_conflict_do_update(index_elements=["site", "slot", "reason"], set_=often), rows)


def door(connection: Connection, site: str, granted_at: int, at: int) -> None:
    """Count a door that opened at a UTC epoch second, and how long its citizen waited since the tap."""
    told = {"site": site, "slot": at - at % SLOT_S, "waited_s": max(0, at - granted_at)}
    connection.execute(_one_door(connection), told)


def of_sessions(
    connection: Connection, start: int, end: int, *of_site: ColumnElement[bool]
) -> list[SessionCounts]:
    """The sites where a session opened, ended or ran between two UTC epoch seconds, `end` not included."""
    row = sessions.c
    opened = and_(row.acctstarttime >= start, row.acctstarttime < end)
    ended = and_(_ended_at() >= start, _ended_at() < end)
    running = or_(row.acctstoptime.is_(None), row.acctstoptime >= end)
    admitted = and_(row.acctstarttime < end, running, row.expires_at >= end)
    told = or_(row.acctinputoctets.is_not(None), row.acctoutputoctets.is_not(None))
    octets = func.coalesce(row.acctinputoctets, 0) + func.coalesce(row.acctoutputoctets, 0)
    watched = and_(told, or_(row.acctstoptime.is_(None), row.active_at.is_not(None)))
    query = (
        select(
            row.site,
            _sum(opened, 1).label("opened"),
            _sum(ended, 1).label("ended"),
            _sum(admitted, 1).label("admitted"),
            _sum(and_(admitted, row.active_at >= end - ACTIVE_S), 1).label("active"),
            _sum(ended, octets).label("octets"),
            _sum(ended, func.coalesce(_lasted_s(), 0)).label("seconds"),
            _sum(and_(ended, _lasted_s().is_not(None)), 1).label("ended_timed"),
            _sum(and_(admitted, watched), 1).label("admitted_told"),
            _sum(and_(ended, told), 1).label("ended_told"),
        )
        .where(or_(row.acctstoptime.is_(None), row.acctstoptime >= start - _OVERDUE_S))
        .where(or_(opened, ended, admitted), row.probe == 0, *of_site)
        .group_by(row.site)
        .order_by(row.site)
    )
    return [_of_site(one) for one in connection.execute(query)]


def _ended_at() -> ColumnElement[int]:
    """When we knew of the end."""
    row = sessions.c
    return case((_is_told(), row.acctstoptime), else_=row.acctstoptime + _OVERDUE_S)


def _lasted_s() -> ColumnElement[int]:
    """How long the door was open; NULL where nobody told."""
    row = sessions.c
    return func.coalesce(row.acctsessiontime, case((_is_told(), row.acctstoptime - row.acctstarttime)))


def _is_told() -> ColumnElement[bool]:
    return sessions.c.acctterminatecause.is_distinct_from(UNREPORTED)


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
        seconds=int(row.seconds) if row.ended_timed or not row.ended else None,
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


def _one_door(connection: Connection) -> Executable:
    """The statement, built once for each dialect."""
    wanted = (connection.dialect.name, (ONLINE,))
    if wanted not in _STATEMENTS:
        row, waited_s = portal_counts.c, bindparam("waited_s", type_=BigInteger)
        more = {"online": row.online + 1, "online_s": row.online_s + waited_s}
        one = insert(connection, portal_counts).values(
            site=bindparam("site"), slot=bindparam("slot"), online=1, online_s=waited_s
        )
        _STATEMENTS[wanted] = one.on_conflict_do_update(index_elements=["site", "slot"], set_=more)
    return _STATEMENTS[wanted]


def _total(column: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)  # PostgreSQL adds up whole numbers to a NUMERIC


def _sum(when: ColumnElement[bool], value: ColumnElement[int] | int) -> ColumnElement[int]:
    return func.sum(case((when, value), else_=0))
