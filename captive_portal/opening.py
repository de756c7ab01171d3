"""The tap, within one transaction: a session found or opened, cut to the day's measure, and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update
from sqlalchemy import insert as plain_insert

from captive_portal import counts, own_probe
from captive_portal.accounting import UNREPORTED
from captive_portal.counts import Counted
from captive_portal.enforced import keep_address, prolong
from captive_portal.gateways.ending import Ending, ending
from captive_portal.grants import LEAST, remainder
from captive_portal.model import Arrival, Grant, Past, Plan, PortalSite, Refusal, RefusalReason, Running
from captive_portal.monthly import Noted
from captive_portal.privacy import DAY_BEGINS, session_device
from captive_portal.tables import sessions

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

    `day_begins` is when its pseudonym's key changes, since midnight UTC. `noted` is what its
    device is counted by, None where it cannot be.
    """

    site: PortalSite
    arrival: Arrival
    plan: Plan
    session: str = ""
    notice: str = ""
    day_begins: timedelta = DAY_BEGINS
    noted: Noted | None = None


def open_session(connection: Connection, tap: Tap, now: datetime) -> Grant | Refusal:
    """Find the running session of this device at this site, or open one; our probe's is not counted."""
    is_probe = own_probe.is_ours(tap.site, tap.arrival.device, now)
    granted = _granted(connection, tap, now, int(is_probe))
    key, at = tap.site.key, epoch(now)
    if is_probe:
        return granted
    if isinstance(granted, Refusal):
        counts.refuse(connection, key, granted.reason, at, Counted.TAPS)
    else:
        counted_as = Counted.UNMARKED if tap.noted is None else Counted.MARKED
        counts.add(connection, key, at, Counted.TAPS, Counted.GRANTS, counted_as)
    return granted


def _granted(connection: Connection, tap: Tap, now: datetime, probe: int) -> Grant | Refusal:
    key, at = tap.site.key, epoch(now)
    device = session_device(connection, tap.arrival.device, now, tap.day_begins)
    before = of_device(connection, key, device)
    running = next((noun(row) for row in before if is_running(row, now)), None)
    if running is None:
        _end_left(connection, tap, before, at)
        left = _day_left(tap.plan, before, now)
        if left < LEAST:
            return Refusal(RefusalReason.DAY_USED_UP)
        if no_place(connection, tap.site, now):
            return Refusal(RefusalReason.SITE_FULL)
        until = min(now + min(tap.plan.duration, left), tap.plan.until)
        running = _fresh(tap, _name(connection, tap), until)
        connection.execute(_OPEN, {**_columns(running, tap, device, at), "probe": probe})
    keep_address(connection, tap.site, tap.arrival, running, now)
    return remainder(running, now)


def no_place(connection: Connection, site: PortalSite, now: datetime) -> bool:
    """Whether as many sessions run at a site as may at a time; until the transaction ends, no more begin.

    SQLite's write transactions exclude each other by themselves.
    """
    if not site.plan.devices:
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(site.key, 0))))
    return running_at(connection, site.key, now) >= site.plan.devices


def running_at(connection: Connection, site: str, now: datetime) -> int:
    """How many sessions run at a site: neither over, nor asked to be."""
    running = (_row.acctstoptime.is_(None), _row.dismissed_at.is_(None), _row.expires_at > epoch(now))
    return connection.execute(select(func.count()).where(_row.site == site, *running)).scalar_one()


def _end_left(connection: Connection, tap: Tap, before: Sequence[Row[Any]], at: int) -> None:
    """End the sessions that were to end and whose gateway does not say that they did.

    The phone taps at its page again, so it is outside; since when is not known, which the cause says.
    """
    if ending(tap.site.wiring.kind, tap.site.wiring.api_url) is not Ending.TIME:
        return
    for row in before:
        if row.acctstoptime is None and row.dismissed_at is not None:
            ended = {"acctstoptime": min(at, row.expires_at), "acctterminatecause": UNREPORTED}
            connection.execute(update(sessions).where(_row.acctuniqueid == row.acctuniqueid).values(**ended))


def extend_session(
    connection: Connection, site: str, session: str, plan: Plan, now: datetime
) -> Grant | Refusal:
    """As long as `plan` again from now on; asked too early, or where nothing is to gain, what is left."""
    terms = longer(connection, site, session, plan, now)
    if isinstance(terms, Refusal):
        return terms
    stretch(connection, terms)
    return remainder(terms, now)


def longer(connection: Connection, site: str, session: str, plan: Plan, now: datetime) -> Running | Refusal:
    """The running session as `extend_session` would leave it."""
    found = named(connection, site, session)
    if found is None or not is_running(found, now):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    running = noun(found)
    if epoch(now) <= extendable_at(found, plan) or plan.until <= running.expires_at:
        return running
    left = _day_left(plan, of_device(connection, site, found.device), now)
    if left < LEAST:
        return Refusal(RefusalReason.DAY_USED_UP)
    return _longer(running, plan, min(now + min(plan.duration, left), plan.until))


def stretch(connection: Connection, terms: Running) -> None:
    """Bound a running session by these terms."""
    changed = {"expires_at": epoch(terms.expires_at), "octets_max": terms.octets}
    connection.execute(update(sessions).where(_row.acctuniqueid == terms.session).values(**changed))
    prolong(connection, terms)


def left_of(connection: Connection, site: str, session: str, now: datetime) -> Grant | Refusal:
    """What is left of a running session."""
    found = named(connection, site, session)
    if found is None or not is_running(found, now):
        return Refusal(RefusalReason.NOT_RECOGNISED)
    return remainder(noun(found), now)


def gives_more(connection: Connection, site: str, found: Row[Any], plan: Plan, now: datetime) -> bool:
    """Whether the site's hours and the day leave its device more than a running session's own time."""
    if plan.until - datetime.fromtimestamp(found.expires_at, UTC) < LEAST:
        return False
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
    """Why a session that is over is so; nobody told: its time is up, or "" where it was to end before."""
    if row.dismissed_at is not None and row.acctterminatecause == UNREPORTED:
        return ""
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
