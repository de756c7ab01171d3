"""Grants that a gateway asks for by itself (openNDS at FAS level 3), until it did or a minute is over."""

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine, delete, select

from captive_portal.gateways.opennds_authmon import Opening
from captive_portal.model import PortalSite
from captive_portal.sealing import seal, unseal
from captive_portal.tables import insert, sessions, waiting_grants

PURPOSE: Final = "waiting"
OLDEST: Final = timedelta(minutes=1)


class Door(StrEnum):
    """How the door of a session stands at a gateway that polls; OPEN too where no such session is known."""

    OPEN = "open"
    WAITS = "waits"
    MISSED = "missed"


class Waiting:
    """Behind an engine; each method is durable on return. A door's opener is sealed with the site's key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, site: PortalSite, opening: Opening, now: datetime) -> None:
        """One more that waits; a second tap of the same session takes the place of the first."""
        values = {
            "site": site.key,
            "sealed": seal(site.wiring.key, PURPOSE, asdict(opening)),
            "made_at": int(now.timestamp()),
        }
        with self._engine.begin() as connection:
            one = insert(connection, waiting_grants).values(acctuniqueid=opening.session, **values)
            connection.execute(one.on_conflict_do_update(index_elements=["acctuniqueid"], set_=values))

    def of(
        self, site: PortalSite, now: datetime, least: timedelta = timedelta(0), most: timedelta = OLDEST
    ) -> list[Opening]:
        """What waits at a site for `least` or longer, the oldest first; at `most` it waits no more."""
        row = waiting_grants.c
        wanted = (
            select(row.sealed)
            .where(row.site == site.key, row.made_at > int((now - most).timestamp()))
            .where(row.made_at <= int((now - least).timestamp()))
            .order_by(row.made_at, row.acctuniqueid)
        )
        with self._engine.connect() as connection:
            sealed = connection.execute(wanted).scalars().all()
        return [_opening(unseal(site.wiring.key, PURPOSE, one)) for one in sealed]

    def done(self, fetched: list[str]) -> None:
        """The grants of these sessions were fetched."""
        if not fetched:
            return
        with self._engine.begin() as connection:
            connection.execute(delete(waiting_grants).where(waiting_grants.c.acctuniqueid.in_(fetched)))

    def give_up(self, session: str) -> bool:
        """A minute is over and nobody fetched it; False when that was found before."""
        with self._engine.begin() as connection:
            gone = delete(waiting_grants).where(waiting_grants.c.acctuniqueid == session)
            return connection.execute(gone).rowcount == 1

    def door(self, site: PortalSite, session: str, now: datetime) -> Door:
        """Whether the gateway opened it, still may within the minute, or did not."""
        row, grant = sessions.c, waiting_grants.c
        wanted = (
            select(row.acctstarttime, grant.made_at)
            .select_from(sessions.outerjoin(waiting_grants, grant.acctuniqueid == row.acctuniqueid))
            .where(row.acctuniqueid == session, row.site == site.key)
        )
        with self._engine.connect() as connection:
            found = connection.execute(wanted).first()
        if found is None or found.acctstarttime is not None:
            return Door.OPEN
        waits = found.made_at is not None and found.made_at > int((now - OLDEST).timestamp())
        return Door.WAITS if waits else Door.MISSED


def _opening(fields: dict[str, object]) -> Opening:
    return Opening(
        gateway=str(fields["gateway"]),
        rhid=str(fields["rhid"]),
        session=str(fields["session"]),
        minutes=int(str(fields["minutes"])),
        quota_kib=int(str(fields["quota_kib"])),
        up_kbps=int(str(fields.get("up_kbps", 0))),
        down_kbps=int(str(fields.get("down_kbps", 0))),
    )
