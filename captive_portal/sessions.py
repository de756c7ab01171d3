"""Sessions in the relational store: an opened one survives a crash, a report is applied once."""

import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, select, update
from sqlalchemy import insert as plain_insert

from captive_portal import accounting, counts
from captive_portal.accounting import Changes, Stored
from captive_portal.grants import remainder
from captive_portal.model import Arrival, GatewayEvent, Grant, Plan, Running, Usage
from captive_portal.privacy import session_device
from captive_portal.tables import gateway_events, insert, sessions

log = logging.getLogger(__name__)

OVERDUE: Final = timedelta(minutes=15)
"""How long after its time a session waits for its gateway's word before we write the end ourselves."""

READ_ONLY: Final = {"read_only": True}


class StoredSessions:
    """Sessions behind an engine whose write blocks exclude each other; every method is durable on return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, arrival: Arrival, plan: Plan, language: str, now: datetime) -> Grant:
        """Open, or return what is left of the running session of the same device at the same site.

        `language` is not kept: beside a device it would tell a citizen's ethnic origin.
        """
        at = _epoch(now)
        with self._engine.begin() as connection:
            device = session_device(connection, arrival.device, now)
            wanted = _running(at).where(sessions.c.site == arrival.site, sessions.c.device == device)
            found = connection.execute(wanted).first()
            if found is not None:
                return remainder(plan, _noun(found), now)
            running = Running(secrets.token_hex(16), now + plan.duration)
            connection.execute(
                plain_insert(sessions).values(
                    acctuniqueid=running.session,
                    site=arrival.site,
                    device=device,
                    plan=plan.name,
                    granted_at=at,
                    expires_at=_epoch(running.expires_at),
                )
            )
        return remainder(plan, running, now)

    def running(self, site: str, session: str, now: datetime) -> Running | None:
        """A session of this site, unless it is over."""
        wanted = _running(_epoch(now)).where(sessions.c.site == site, sessions.c.acctuniqueid == session)
        with self._read() as connection:
            found = connection.execute(wanted).first()
        return None if found is None else _noun(found)

    def ended(self, session: str, cause: str, at: datetime) -> None:
        """Record the end, once; a second report of the same end changes nothing."""
        with self._engine.begin() as connection:
            stored = _stored(connection, session)
            if stored is not None:
                _change(connection, session, accounting.end(stored, cause, _epoch(at)))

    def account(self, usage: Sequence[Usage], at: datetime) -> None:
        """Record usage; a total never goes down, and one that tries is logged as an accounting gap."""
        with self._engine.begin() as connection:
            for one in usage:
                stored = _stored(connection, one.session)
                if stored is not None:
                    grown = accounting.totals(stored, one.seconds, one.octets_down, one.octets_up)
                    _change(connection, one.session, grown)
                    _flag_gap(stored, one)

    def apply(self, site: str, events: Sequence[GatewayEvent], now: datetime) -> list[str]:
        """Apply a gateway's events in one transaction; the ids applied or already known, all of them.

        An event about a session of another site, or about none, is acknowledged and changes nothing:
        sending it again would not mend it. Sessions this gateway never spoke of again are ended too.
        """
        with self._engine.begin() as connection:
            for event in events:
                known = insert(connection, gateway_events).values(
                    site=site, event=event.id, received_at=_epoch(now)
                )
                if connection.execute(known.on_conflict_do_nothing()).rowcount == 1:
                    _apply(connection, site, event, now)
            _end_overdue(connection, site, now)
        return [event.id for event in events]

    def dismiss(self, session: str, now: datetime) -> bool:
        """Ask the gateway to end a session; False when there is none or it has ended."""
        asked = (
            update(sessions)
            .where(sessions.c.acctuniqueid == session, sessions.c.acctstoptime.is_(None))
            .values(dismissed_at=_epoch(now))
        )
        with self._engine.begin() as connection:
            return connection.execute(asked).rowcount == 1

    def dismissals(self, site: str) -> list[str]:
        """The sessions staff asked this site's gateway to end, until it reports that it did."""
        wanted = (
            select(sessions.c.acctuniqueid)
            .where(sessions.c.site == site, sessions.c.acctstoptime.is_(None))
            .where(sessions.c.dismissed_at.is_not(None))
            .order_by(sessions.c.dismissed_at, sessions.c.acctuniqueid)
        )
        with self._read() as connection:
            return list(connection.execute(wanted).scalars())

    def count(self, site: str, counted: counts.Counted, now: datetime) -> None:
        """Count a page, a grant or a refusal of the portal."""
        with self._engine.begin() as connection:
            counts.add(connection, site, counted, _epoch(now))

    def slot_counts(self, start: int, end: int) -> list[counts.SessionCounts]:
        """Sessions per site between two UTC epoch seconds."""
        with self._read() as connection:
            return counts.of_sessions(connection, start, end)

    def portal_counts(self, start: int, end: int) -> list[counts.PortalCounts]:
        """What the portal did per site between two UTC epoch seconds; both on a full minute."""
        with self._read() as connection:
            return counts.of_portal(connection, start, end)

    def _read(self) -> Connection:
        return self._engine.connect().execution_options(**READ_ONLY)


def _running(at: int) -> Select[Any]:
    row = sessions.c
    return (
        select(row.acctuniqueid, row.expires_at, row.acctinputoctets, row.acctoutputoctets)
        .where(row.acctstoptime.is_(None), row.dismissed_at.is_(None), row.expires_at > at)
        .order_by(row.granted_at.desc())
    )


def _noun(row: Row[Any]) -> Running:
    used = (row.acctinputoctets or 0) + (row.acctoutputoctets or 0)
    return Running(row.acctuniqueid, datetime.fromtimestamp(row.expires_at, UTC), used)


def _stored(connection: Connection, session: str) -> Stored | None:
    wanted = select(sessions).where(sessions.c.acctuniqueid == session).with_for_update()
    found = connection.execute(wanted).first()
    return None if found is None else found._asdict()


def _change(connection: Connection, session: str, changed: Changes) -> None:
    if changed:
        connection.execute(update(sessions).where(sessions.c.acctuniqueid == session).values(**changed))


def _apply(connection: Connection, site: str, event: GatewayEvent, now: datetime) -> None:
    stored = _stored(connection, event.session)
    if stored is None or stored["site"] != site:
        log.warning("event of an unknown session", extra={"site": site, "event": event.id})
        return
    try:
        changed = accounting.changes(stored, event, now)
    except KeyError:
        log.warning("event of an unknown kind", extra={"site": site, "event": event.id, "kind": event.kind})
        return
    _change(connection, event.session, changed)
    _flag_gap(stored, event)


def _flag_gap(stored: Stored, report: Usage | GatewayEvent) -> None:
    if accounting.goes_backwards(stored, report.seconds, report.octets_down, report.octets_up):
        log.warning("accounting gap", extra={"site": stored["site"], "session": report.session})


def _end_overdue(connection: Connection, site: str, now: datetime) -> None:
    row = sessions.c
    connection.execute(
        update(sessions)
        .where(row.site == site, row.acctstoptime.is_(None), row.expires_at <= _epoch(now - OVERDUE))
        .values(acctstoptime=row.expires_at, acctterminatecause=accounting.UNREPORTED)
    )


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
