"""The associations that make up a session, in the relational store: one row each, whatever is repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, select, update
from sqlalchemy import insert as plain_insert

from captive_portal.radius.accounting import grown
from captive_portal.radius.limits import INTERIM_S
from captive_portal.radius.model import Association, Report
from captive_portal.radius.tables import associations

SILENT: Final = timedelta(seconds=3 * INTERIM_S)
"""After three interim reports that did not come an association is not believed to go on."""

REBOOT: Final = "nas-reboot"
REPEATED: Final = timedelta(hours=1)
"""How long an Accounting-On is told again when it comes again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An association with all of its session, whether another one goes on, and how long ago it was heard."""

    one: Association
    all_of_it: Sequence[Association]
    alive: bool
    age_s: int = 0


class Ledger:
    """Behind an engine whose write blocks exclude each other; every method is durable on return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, site: str, nas: str, told: tuple[Association, Report], now: datetime) -> Standing:
        """Take a report in. `told` holds an empty association with its key and session, and the report."""
        one, report = told
        with self._engine.begin() as connection:
            row = associations.c
            mine = (row.site == site) & (row.association == one.key)
            found = connection.execute(select(associations).where(mine)).first()
            one = grown(one if found is None else _noun(found), report)
            values = _columns(one, found, int(now.timestamp()))
            if found is None:
                key = {"site": site, "association": one.key, "nas": nas, "acctuniqueid": one.session}
                connection.execute(plain_insert(associations).values(**key, **values))
            else:
                connection.execute(update(associations).where(mine).values(**values))
            return _standing(connection, site, one, now)

    def rebooted(self, site: str, nas: str, now: datetime) -> list[Standing]:
        """End what went on at an access point that began anew; the same once more when it is repeated."""
        row, at = associations.c, int(now.timestamp())
        here = (row.site == site) & (row.nas == nas)
        ends = update(associations).where(here, row.acctstoptime.is_(None))
        lately = row.acctstoptime >= int((now - REPEATED).timestamp())
        with self._engine.begin() as connection:
            connection.execute(ends.values(acctstoptime=at, acctterminatecause=REBOOT))
            found = connection.execute(
                select(associations).where(here, row.acctterminatecause == REBOOT, lately)
            ).all()
            return [_standing(connection, site, _noun(one), now, at - one.heard_at) for one in found]

    def forget(self, before: datetime) -> int:
        """Delete the associations that were last heard of before a moment; how many there were."""
        old = associations.c.heard_at < int(before.timestamp())
        with self._engine.begin() as connection:
            return connection.execute(delete(associations).where(old)).rowcount


def _columns(one: Association, found: Row[Any] | None, at: int) -> dict[str, int | str | None]:
    stopped = None if found is None else found.acctstoptime
    return {
        "acctsessiontime": one.seconds,
        "acctinputoctets": one.octets_up,
        "acctoutputoctets": one.octets_down,
        "acctstoptime": (stopped or at) if one.ended else None,
        "acctterminatecause": one.cause,
        "heard_at": at,
    }


def _standing(connection: Connection, site: str, one: Association, now: datetime, age_s: int = 0) -> Standing:
    row = associations.c
    wanted = select(associations).where(row.site == site, row.acctuniqueid == one.session)
    found = connection.execute(wanted.order_by(row.association)).all()
    since = int((now - SILENT).timestamp())
    others = [other for other in found if other.association != one.key]
    alive = any(other.acctstoptime is None and other.heard_at >= since for other in others)
    return Standing(one, [_noun(each) for each in found], alive, age_s)


def _noun(row: Row[Any]) -> Association:
    return Association(
        key=row.association,
        session=row.acctuniqueid,
        seconds=row.acctsessiontime,
        octets_up=row.acctinputoctets,
        octets_down=row.acctoutputoctets,
        ended=row.acctstoptime is not None,
        cause=row.acctterminatecause,
    )
