"""The tap, within one transaction: a session found or opened, cut to the day's measure, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, select, update
from sqlalchemy import insert as plain_insert

from captive_portal import counts
from captive_portal.counts import Counted
from captive_portal.enforced import keep_address, prolong
from captive_portal.grants import remainder
from captive_portal.model import Arrival, Grant, Past, Plan, PortalSite, Refusal, RefusalReason, Running
from captive_portal.privacy import DAY_BEGINS, session_device
from captive_portal.tables import sessions

LEAST: Final = timedelta(minutes=1)
"""What is left of a day below this is not worth a session."""

QUARTER: Final = 4
"""A session can be extended when less than this part of its time is left."""

_row = sessions.c
_BOUNDS: Final = (
    _row.acctuniqueid,
    _row.granted_at,
    _row.expires_at,
    _row.acctstoptime,
    _row.acctterminatecause,
    _row.dismissed_at,
    _row.acctinputoctets,
    _row.acctoutputoctets,
    _row.octets_max,
    _row.down_kbps,
    _row.up_kbps,
)
OF_DEVICE: Final[Select[Any]] = (
    select(*_BOUNDS)
    .where(_row.site == bindparam("of_site"), _row.device == bindparam("of_device"))
    .order_by(_row.granted_at.desc())
)
_BY_NAME: Final[Select[Any]] = select(*_BOUNDS, _row.device).where(
    _row.acctuniqueid == bindparam("of_session"), _row.site == bindparam("of_site")
)
_OPEN: Final = plain_insert(sessions)


@dataclass(frozen=True, slots=True)
class Tap:
    """What a tap brings: `session` is what a new one is to be called, "" = at random.

    `day_begins` is when its pseudonym's key changes, since midnight UTC.
    """

    site: PortalSite
    arrival: Arrival
    plan: Plan
    session: str = ""
    notice: str = ""
    day_begins: timedelta = DAY_BEGINS


def open_session(connection: Connection, tap: Tap, now: datetime) -> Grant | Refusal:
    """Find the running session of this device at this site, or open one."""
    key, at = tap.site.key, epoch(now)
    device = session_device(connection, tap.arrival.device, now, tap.day_begins)
    before = of_device(connection, key, device)
    running = next((noun(row) for row in before if is_running(row, now)), None)
    if running is None:
        left = _day_left(tap.plan, before, now)
        if left < LEAST:
            counts.refuse(connection, key, RefusalReason.DAY_USED_UP, at, Counted.TAPS)
            return Refusal(RefusalReason.DAY_USED_UP)
        running = _fresh(tap, _name(connection, tap), now + min(tap.plan.duration, left))
        connection.execute(_OPEN, _columns(running, tap, device, at))
    keep_address(connection, tap.site, tap.arrival, running, now)
    counts.add(connection, key, at, Counted.TAPS, Counted.GRANTS)
    return remainder(running, now)


def extend_session(
    connection: Connection, site: str, session: str, plan: Plan, now: datetime
) -> Grant | Refusal:
    """As long as `plan` again from now on; asked too early, or where nothing is to gain, what is left."""
    found = named(connection, site, session)
    if found is None or not is_running(found, now):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    running = noun(found)
    if epoch(now) <= extendable_at(found, plan):
        return remainder(running, now)
    left = _day_left(plan, of_device(connection, site, found.device), now)
    if left < LEAST:
        return Refusal(RefusalReason.DAY_USED_UP)
    longer = _longer(running, plan, now + min(plan.duration, left))
    changed = {"expires_at": epoch(longer.expires_at), "octets_max": longer.octets}
    connection.execute(update(sessions).where(_row.acctuniqueid == session).values(**changed))
    prolong(connection, longer)
    return remainder(longer, now)


def left_of(connection: Connection, site: str, session: str, now: datetime) -> Grant | Refusal:
    """What is left of a running session."""
    found = named(connection, site, session)
    if found is None or not is_running(found, now):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    return remainder(noun(found), now)


def gives_more(connection: Connection, site: str, found: Row[Any], plan: Plan, now: datetime) -> bool:
    """Whether the day leaves its device more than a running session's own time."""
    if not plan.daily:
        return True
    left = _day_left(plan, of_device(connection, site, found.device), now)
    return left - timedelta(seconds=found.expires_at - epoch(now)) >= LEAST


def past(before: Sequence[Row[Any]], plan: Plan, since: datetime, now: datetime) -> Past:
    """What a device's sessions say, the latest first; an end before `since` is long ago."""
    if not before or any(is_running(row, now) for row in before):
        return Past()
    last = before[0]
    ended_at = last.expires_at if last.acctstoptime is None else last.acctstoptime
    cause = cause_of(last) if ended_at > epoch(since) else ""
    return Past(cause, _day_left(plan, before, now) < LEAST)


def cause_of(row: Row[Any]) -> str:
    """Why a session that is over is so; nobody told: its time is up."""
    by_time = row.acctstoptime is None and row.dismissed_at is None
    return "Session-Timeout" if by_time else row.acctterminatecause or ""


def of_device(connection: Connection, site: str, device: str) -> Sequence[Row[Any]]:
    """A device's sessions at a site, by today's pseudonym, the latest tap first."""
    return connection.execute(OF_DEVICE, {"of_site": site, "of_device": device}).all()


def named(connection: Connection, site: str, session: str) -> Row[Any] | None:
    """The row of a site's session, running or over."""
    return connection.execute(_BY_NAME, {"of_session": session, "of_site": site}).first()


def is_running(row: Row[Any], now: datetime) -> bool:
    """Whether it is neither over nor asked to be."""
    return row.acctstoptime is None and row.dismissed_at is None and bool(row.expires_at > epoch(now))


def noun(row: Row[Any]) -> Running:
    """The running session in a row."""
    used = (row.acctinputoctets or 0) + (row.acctoutputoctets or 0)
    expires_at = datetime.fromtimestamp(row.expires_at, UTC)
    return Running(row.acctuniqueid, expires_at, used, row.octets_max, row.down_kbps, row.up_kbps)


def extendable_at(row: Row[Any], plan: Plan) -> int:
    """The UTC epoch second after which less than a quarter of a session's time, or the plan's, is left."""
    whole_s = min(row.expires_at - row.granted_at, int(plan.duration.total_seconds()))
    return int(row.expires_at - whole_s // QUARTER)


def epoch(moment: datetime) -> int:
    """UTC epoch seconds, whole."""
    return int(moment.timestamp())


def used_s(before: Sequence[Row[Any]], now: datetime) -> int:
    """Seconds that a device's sessions took of its day, from each tap to its end or to now."""
    at = epoch(now)
    ends = ((at if row.acctstoptime is None else row.acctstoptime, row) for row in before)
    return sum(max(0, min(end, row.expires_at) - row.granted_at) for end, row in ends)


def _day_left(plan: Plan, before: Sequence[Row[Any]], now: datetime) -> timedelta:
    return plan.daily - timedelta(seconds=used_s(before, now)) if plan.daily else plan.duration + LEAST


def _name(connection: Connection, tap: Tap) -> str:
    """The one its page foresaw; another where that session was, for a page that was kept is tapped again."""
    foreseen = tap.session and named(connection, tap.site.key, tap.session) is None
    return tap.session if foreseen else secrets.token_hex(16)


def _fresh(tap: Tap, name: str, until: datetime) -> Running:
    return Running(name, until, 0, tap.plan.octets, tap.plan.down_kbps, tap.plan.up_kbps)


def _longer(running: Running, plan: Plan, until: datetime) -> Running:
    octets = max(running.octets, running.octets_used + plan.octets) if running.octets and plan.octets else 0
    return replace(running, expires_at=max(running.expires_at, until), octets=octets)


def _columns(running: Running, tap: Tap, device: str, at: int) -> dict[str, str | int]:
    return {
        "acctuniqueid": running.session,
        "site": tap.site.key,
        "device": device,
        "plan": tap.plan.name,
        "granted_at": at,
        "expires_at": epoch(running.expires_at),
        "octets_max": running.octets,
        "down_kbps": running.down_kbps,
        "up_kbps": running.up_kbps,
        "notice": tap.notice,
    }
