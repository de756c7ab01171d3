"""Grants that a gateway asks for by itself (openNDS at FAS level 3), until it did or a minute is over."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, select

from captive_portal.gateways.opennds_authmon import Opening
from captive_portal.model import PortalSite
from captive_portal.sealing import seal, unseal
from captive_portal.tables import insert, waiting_grants

PURPOSE: Final = "waiting"
OLDEST: Final = timedelta(minutes=1)


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

    def of(self, site: PortalSite, now: datetime) -> list[Opening]:
        """What waits at a site, the oldest first; what is a minute old waits no longer."""
        row = waiting_grants.c
        wanted = (
            select(row.sealed)
            .where(row.site == site.key, row.made_at > int((now - OLDEST).timestamp()))
            .order_by(row.made_at, row.acctuniqueid)
        )
        with self._engine.connect() as connection:
            sealed = connection.execute(wanted).scalars().all()
        return [_opening(unseal(site.wiring.key, PURPOSE, one)) for one in sealed]

    def done(self, sessions: list[str]) -> None:
        """These were fetched."""
        with self._engine.begin() as connection:
            connection.execute(delete(waiting_grants).where(waiting_grants.c.acctuniqueid.in_(sessions)))


def _opening(fields: dict[str, object]) -> Opening:
    return Opening(
        gateway=str(fields["gateway"]),
        rhid=str(fields["rhid"]),
        session=str(fields["session"]),
        minutes=int(str(fields["minutes"])),
        quota_kib=int(str(fields["quota_kib"])),
    )
