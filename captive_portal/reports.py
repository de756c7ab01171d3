"""What our own gateways report at a sync, taken into the store in one transaction: in order, each once."""

import json
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from captive_portal import accounting, hearing
from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.model import BoxEvent, Report
from captive_portal.opening import epoch
from captive_portal.tables import insert, sessions

log = logging.getLogger(__name__)

WHOLE: Final = 100
"""A call with fewer events leaves none untold: a gateway that has more to tell sends longer ones."""

PULSE: Final = "pulse"
ALARM: Final = "alarm"
SPEAKS: Final = frozenset({"opened", "admitted", "continued"})
"""The kinds of event by which a session is one of the box that tells it."""


def take(connection: Connection, site: str, report: Report, now: datetime) -> int:
    """Apply a report; up to which number we have its box's events then.

    An event that we have is not applied again, and none beyond a gap is: its box sends it again. A box that
    begins beyond the same gap twice has nothing older to send, because a store of ours had it and was lost.
    """
    box = _box(connection, site, report.box, now)
    have = _have(site, box, report.events)
    spoken: set[str] = set()
    for event in _next(have, report.events):
        if _apply(connection, site, report.box, event, now) and event.kind in SPEAKS:
            spoken.add(event.event.session)
        have = event.seq
    spoken |= {usage.session for usage in report.usage if hearing.use(connection, site, usage, now)}
    _speaks(connection, report.box, spoken)
    whole = box.whole_at is None and len(report.events) < WHOLE and not _left(have, report.events)
    if whole and box.replaced_at is None:
        _end_former(connection, site, report.box)
    _note(connection, site, report, have, now, box.whole_at or (epoch(now) if whole else None))
    hearing.end_overdue(connection, now, sessions.c.site == site)
    return have


def _have(site: str, box: Row[Any], events: Sequence[BoxEvent]) -> int:
    """The number before the first that is due."""
    if not events or events[0].seq <= box.have + 1 or events[0].seq != box.gap:
        return int(box.have)
    lost = {"site": site, "box": box.box, "after": box.have, "before": events[0].seq}
    log.error("events of a gateway are lost: our store is older than what it was told", extra=lost)
    return events[0].seq - 1


def _next(have: int, events: Sequence[BoxEvent]) -> Iterator[BoxEvent]:
    for event in events:
        if event.seq == have + 1:
            have += 1
            yield event


def _left(have: int, events: Sequence[BoxEvent]) -> bool:
    return bool(events) and events[-1].seq > have


def _apply(connection: Connection, site: str, box: str, event: BoxEvent, now: datetime) -> bool:
    """Whether it was about a session of this site."""
    if event.kind in {PULSE, ALARM}:
        _keep(connection, site, box, event, now)
        return False
    return hearing.hear(connection, site, replace(event.event, id=f"{box}-{event.seq}"), now)


def _keep(connection: Connection, site: str, box: str, event: BoxEvent, now: datetime) -> None:
    at = epoch(now)
    row: dict[str, object] = {
        "site": site,
        "box": box,
        "seq": event.seq,
        "at": at - event.event.age_s,
        "received_at": at,
        "told": json.dumps(dict(event.values), sort_keys=True),
    }
    table = gateway_pulses
    if event.kind == ALARM:
        table = gateway_alarms
        of = event.event
        row |= {"cause": of.cause, "device": of.device, "seconds": of.seconds}
        log.warning("alarm of a gateway", extra={"site": site, "cause": of.cause})
    connection.execute(insert(connection, table).values(row).on_conflict_do_nothing())


def _speaks(connection: Connection, box: str, spoken: Collection[str]) -> None:
    """From now on these sessions are of this box."""
    row = sessions.c
    if spoken:
        theirs = (row.acctuniqueid.in_(spoken), row.box != box)
        connection.execute(update(sessions).where(*theirs).values(box=box))


def _box(connection: Connection, site: str, box: str, now: datetime) -> Row[Any]:
    """What we know of a box, which nobody else changes meanwhile; a new one replaces the former."""
    at, row = epoch(now), gateway_boxes.c
    new = insert(connection, gateway_boxes).values(site=site, box=box, first_at=at, heard_at=at)
    if connection.execute(new.on_conflict_do_nothing().returning(row.box)).first() is not None:
        former = update(gateway_boxes).where(row.site == site, row.box != box, row.replaced_at.is_(None))
        if connection.execute(former.values(replaced_at=at)).rowcount:
            log.warning("a gateway was replaced", extra={"site": site, "box": box})
    wanted = select(gateway_boxes).where(row.site == site, row.box == box).with_for_update()
    found = connection.execute(wanted).one()
    if found.replaced_at is not None and found.heard_at <= found.replaced_at:
        log.warning("a gateway that was replaced calls again", extra={"site": site, "box": box})
    return found


def _end_former(connection: Connection, site: str, box: str) -> None:
    """End what only boxes that were replaced spoke of, when they were last heard.

    Such an end is our guess: whoever speaks of the session again knows better.
    """
    row, theirs = sessions.c, gateway_boxes.c
    wanted = (
        select(row.acctuniqueid, theirs.heard_at)
        .join(gateway_boxes, (theirs.site == row.site) & (theirs.box == row.box))
        .where(row.site == site, row.box != box, row.acctstoptime.is_(None))
    )
    for session, heard_at in connection.execute(wanted).all():
        stored = hearing.stored_of(connection, session)
        if stored is not None:
            at = min(heard_at, stored["expires_at"])
            hearing.change(connection, session, accounting.end(stored, accounting.REPLACED, at))


def _note(
    connection: Connection, site: str, report: Report, have: int, now: datetime, whole_at: int | None
) -> None:
    gap = report.events[0].seq if report.events and report.events[0].seq > have + 1 else None
    row = gateway_boxes.c
    connection.execute(
        update(gateway_boxes)
        .where(row.site == site, row.box == report.box)
        .values(
            have=have,
            gap=gap,
            heard_at=epoch(now),
            whole_at=whole_at,
            serial=report.serial,
            epoch=report.epoch,
        )
    )
