"""What a gateway tells of a session, written into the session's row, in the caller's transaction."""

import logging
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, select, update

from captive_portal import accounting, by_hand, counts, late
from captive_portal.accounting import Changes, Stored
from captive_portal.enforced import forget_address
from captive_portal.model import GatewayEvent, Usage
from captive_portal.opening import epoch
from captive_portal.tables import enforcements, gateway_events, insert, sessions

log = logging.getLogger(__name__)

OPENED: Final = "opened"
_MOMENTS: Final = ("acctstarttime", "acctstoptime")


def is_new(connection: Connection, site: str, event: str, now: datetime) -> bool:
    """Whether this site's event is heard for the first time; from then on it is known."""
    known = insert(connection, gateway_events).values(site=site, event=event, received_at=epoch(now))
    added = known.on_conflict_do_nothing().returning(gateway_events.c.event)
    return connection.execute(added).first() is not None


def stored_of(connection: Connection, session: str) -> Stored | None:
    """The row of a session, which nobody else changes until the transaction ends."""
    wanted = select(sessions).where(sessions.c.acctuniqueid == session).with_for_update()
    found = connection.execute(wanted).first()
    return None if found is None else found._asdict()


def change(connection: Connection, session: str, changed: Changes) -> None:
    """Write new values of a session; at its end its address is forgotten."""
    if changed:
        connection.execute(update(sessions).where(sessions.c.acctuniqueid == session).values(**changed))
    if changed.get("acctstoptime") is not None:
        forget_address(connection, session)


def hear(connection: Connection, site: str, event: GatewayEvent, now: datetime) -> bool:
    """Apply an event that was not heard before. False where it is of no session of this site.

    Such an event changes nothing: sending it again would not mend it.
    """
    stored = stored_of(connection, event.session)
    if stored is None and by_hand.keep(connection, site, event, now):
        stored = stored_of(connection, event.session)
    if stored is None or stored["site"] != site:
        log.warning("event of an unknown session", extra={"site": site, "event": event.id})
        return False
    try:
        changed = accounting.changes(stored, event, now)
    except KeyError:
        log.warning("event of an unknown kind", extra={"site": site, "event": event.id, "kind": event.kind})
        return False
    change(connection, event.session, changed)
    if not stored["probe"]:
        late.note(connection, site, map(changed.get, _MOMENTS), epoch(now))
    if event.kind == OPENED and stored["acctstarttime"] is None and not stored["probe"]:
        counts.door(connection, site, stored["granted_at"], int(changed["acctstarttime"] or 0))
    _flag_gap(stored, event)
    return True


def use(connection: Connection, site: str | None, usage: Usage, now: datetime) -> bool:
    """Record usage. False where the session is unknown, or of another site than the one that tells."""
    stored = stored_of(connection, usage.session)
    if stored is None or site not in {None, stored["site"]}:
        return False
    change(connection, usage.session, accounting.used(stored, usage, epoch(now)))
    _flag_gap(stored, usage)
    return True


def end_overdue(connection: Connection, now: datetime, *of_site: ColumnElement[bool]) -> int:
    """End the sessions whose gateway says nothing long after their time; how many there were."""
    row = sessions.c
    over = (row.acctstoptime.is_(None), row.expires_at <= epoch(now - accounting.OVERDUE), *of_site)
    ended = connection.execute(
        update(sessions)
        .where(*over)
        .values(acctstoptime=row.expires_at, acctterminatecause=accounting.UNREPORTED)
    )
    connection.execute(delete(enforcements).where(enforcements.c.until <= epoch(now - accounting.OVERDUE)))
    return ended.rowcount


def _flag_gap(stored: Stored, report: Usage | GatewayEvent) -> None:
    if accounting.goes_backwards(stored, report.seconds, report.octets_down, report.octets_up):
        log.warning("accounting gap", extra={"site": stored["site"], "session": report.session})
