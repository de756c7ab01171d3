"""Takes reports of access points into the relational store: one transaction each, whatever is repeated."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, select, update

from captive_portal import counts
from captive_portal.accounting import Stored, changes
from captive_portal.enforced import forget_address
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import GatewayEvent
from captive_portal.opening import epoch
from captive_portal.radius import accounting
from captive_portal.radius.authorise import SESSION, device_of
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.model import Association, RadiusSite, Report, Status
from captive_portal.radius.tables import associations
from captive_portal.tables import sessions
from captive_portal.together import Together

log = logging.getLogger(__name__)

# Statements are built once: to build one costs more than to run it.
_session, _row = sessions.c, associations.c
_CHANGED: Final = (
    _session.acctstarttime,
    _session.acctstoptime,
    _session.acctterminatecause,
    _session.acctsessiontime,
    _session.acctinputoctets,
    _session.acctoutputoctets,
    _session.active_at,
)
_BY_NAME: Final = (
    select(_session.acctuniqueid, _session.granted_at, _session.probe, *_CHANGED)
    .where(_session.acctuniqueid == bindparam("of_session"), _session.site == bindparam("of_site"))
    .with_for_update()
)
_CHANGE: Final = (
    update(sessions)
    .where(_session.acctuniqueid == bindparam("of_session"))
    .values({column: bindparam(column.name) for column in _CHANGED})
)
_OF_SESSION: Final = select(associations).where(
    _row.site == bindparam("of_site"), _row.acctuniqueid == bindparam("of_session")
)
_AT_NAS: Final = select(associations).where(
    _row.site == bindparam("of_site"), _row.nas == bindparam("of_nas"), _row.acctstoptime.is_(None)
)
_BEGUN: Final = insert(associations)
_GROWN: Final = (
    update(associations)
    .where(_row.site == bindparam("of_site"), _row.association == bindparam("of_key"))
    .values(
        acctsessiontime=bindparam("seconds"),
        acctinputoctets=bindparam("octets_up"),
        acctoutputoctets=bindparam("octets_down"),
        acctstoptime=func.coalesce(_row.acctstoptime, bindparam("ended_at")),
        acctterminatecause=bindparam("cause"),
        heard_at=bindparam("at"),
    )
)


class Ledger:
    """Behind an engine whose write blocks exclude each other; every method is durable on return."""

    def __init__(self, engine: Engine, holders: StoredHolders) -> None:
        self._together = Together(engine)
        self._holders = holders

    def account(self, site: RadiusSite, report: Report, now: datetime) -> None:
        """Take a report in, together with those that come at the same moment."""
        work = self._rebooted if report.status in (Status.ON, Status.OFF) else self._reported
        self._together.write(partial(work, site, report, now))

    def _reported(self, site: RadiusSite, report: Report, now: datetime, connection: Connection) -> None:
        stored = self._session_of(connection, site, report, now)
        if stored is None:
            log.warning("accounting of no session of ours", extra={"site": site.site})
            return
        session = stored["acctuniqueid"]
        parts = _parts(connection, site.site, session)
        key = accounting.key_of(site, report, session)
        known = parts.pop(key, None)
        if known is not None and accounting.goes_backwards(known, report):
            log.warning("accounting gap", extra={"site": site.site, "session": session})
        one = accounting.grown(known or Association(key, session), report, epoch(now))
        if known is None:
            _begin(connection, site, report, one)
        else:
            _grow(connection, site.site, one)
        told = _words(known, one, list(parts.values()), report)
        _tell(connection, site.site, stored, told, now)

    def _rebooted(self, site: RadiusSite, report: Report, now: datetime, connection: Connection) -> None:
        """End what went on at an access point that began anew, when it was last heard of."""
        here = {"of_site": site.site, "of_nas": _nas(site, report)}
        for row in connection.execute(_AT_NAS, here).all():
            stored = _named(connection, site.site, row.acctuniqueid)
            parts = _parts(connection, site.site, row.acctuniqueid)
            one = replace(parts.pop(row.association), ended=True, cause=accounting.REBOOT)
            _grow(connection, site.site, one)
            if stored is None or accounting.go_on(parts.values(), epoch(now)):
                continue
            age_s = epoch(now) - one.heard_at
            told = [accounting.usage(one, list(parts.values()), age_s), accounting.last_word(one, age_s)]
            _tell(connection, site.site, stored, told, now)

    def _session_of(
        self, connection: Connection, site: RadiusSite, report: Report, now: datetime
    ) -> Stored | None:
        """By Class or User-Name; a phone that was let on by its MAC, and whose Class was lost, by that."""
        for label in dict.fromkeys(report.labels):
            if SESSION.fullmatch(label) and (stored := _named(connection, site.site, label)) is not None:
                return stored
        device = device_of(site, report.speaker)
        last = self._holders.last_of(connection, site.site, device, now) if device else None
        return None if last is None else _named(connection, site.site, last)


def forget(engine: Engine, before: datetime) -> int:
    """Delete the associations that were last heard of before a moment; how many there were."""
    with engine.begin() as connection:
        return connection.execute(delete(associations).where(_row.heard_at < epoch(before))).rowcount


def _words(
    known: Association | None, one: Association, others: Sequence[Association], report: Report
) -> list[GatewayEvent]:
    """What the session is to be told. A Start that comes after the Stop opens nothing again."""
    told = [] if known is not None else [accounting.first_word(one, report)]
    told.append(accounting.usage(one, others, report.delay_s))
    if one.ended and not accounting.go_on(others, one.heard_at):
        told.append(accounting.last_word(one, report.delay_s))
    return told


def _tell(
    connection: Connection, site: str, stored: Stored, told: Sequence[GatewayEvent], now: datetime
) -> None:
    """Change a session as its events say."""
    after = dict(stored)
    for event in told:
        after |= changes(after, event, now)
        is_first = event.kind == accounting.OPENED and stored["acctstarttime"] is None
        if is_first and not stored["probe"]:
            counts.door(connection, site, after["granted_at"], after["acctstarttime"])
    if after == stored:
        return
    values = {column.name: after[column.name] for column in _CHANGED}
    connection.execute(_CHANGE, {"of_session": after["acctuniqueid"], **values})
    if after["acctstoptime"] is not None:
        forget_address(connection, after["acctuniqueid"])


def _named(connection: Connection, site: str, session: str) -> Stored | None:
    found = connection.execute(_BY_NAME, {"of_site": site, "of_session": session}).first()
    return None if found is None else found._asdict()


def _parts(connection: Connection, site: str, session: str) -> dict[str, Association]:
    """All associations of a session, by their keys."""
    found = connection.execute(_OF_SESSION, {"of_site": site, "of_session": session})
    return {row.association: _noun(row) for row in found}


def _begin(connection: Connection, site: RadiusSite, report: Report, one: Association) -> None:
    columns = {
        "site": site.site,
        "association": one.key,
        "nas": _nas(site, report),
        "acctuniqueid": one.session,
        "acctsessiontime": one.seconds,
        "acctinputoctets": one.octets_up,
        "acctoutputoctets": one.octets_down,
        "acctstoptime": one.heard_at if one.ended else None,
        "acctterminatecause": one.cause,
        "heard_at": one.heard_at,
    }
    connection.execute(_BEGUN, columns)


def _grow(connection: Connection, site: str, one: Association) -> None:
    values = {
        "seconds": one.seconds,
        "octets_up": one.octets_up,
        "octets_down": one.octets_down,
        "ended_at": one.heard_at if one.ended else None,
        "cause": one.cause,
        "at": one.heard_at,
    }
    connection.execute(_GROWN, {"of_site": site, "of_key": one.key, **values})


def _nas(site: RadiusSite, report: Report) -> str:
    """What an access point is kept under: no name of it is in the store."""
    return pseudonym(site.key, "nas", report.speaker.nas)


def _noun(row: Row[Any]) -> Association:
    return Association(
        key=row.association,
        session=row.acctuniqueid,
        seconds=row.acctsessiontime,
        octets_up=row.acctinputoctets,
        octets_down=row.acctoutputoctets,
        ended=row.acctstoptime is not None,
        cause=row.acctterminatecause,
        heard_at=row.heard_at,
    )
