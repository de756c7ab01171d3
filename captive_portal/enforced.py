"""Which addresses the store holds, sealed under the site's key: of whom, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, update

from captive_portal.model import Arrival, GatewayKind, Phone, PortalSite, Running
from captive_portal.sealing import seal, unseal
from captive_portal.tables import enforcements, insert, legal_records

TOLD_BY_ADDRESS: Final = frozenset(
    {GatewayKind.OMADA, GatewayKind.UNIFI, GatewayKind.RUCKUS_SMARTZONE, GatewayKind.RADIUS}
)
"""The kinds that let go, or tell what was used, by a phone's address; to the others it means nothing."""

ENFORCEMENT: Final = "enforcement"
LEGAL: Final = "legal"


@dataclass(frozen=True, slots=True)
class Kept:
    """A sealed address and the session it is kept for."""

    session: str
    site: str
    sealed: str


def keep_address(
    connection: Connection, site: PortalSite, arrival: Arrival, running: Running, now: datetime
) -> None:
    """Keep the phone's address, where its gateway needs it or the law was signed to ask for it."""
    phone = arrival.phone
    if phone is None:
        return
    clear = {"mac": phone.mac, "ip": phone.ip}
    if site.wiring.kind in TOLD_BY_ADDRESS:
        values = {"sealed": seal(site.wiring.key, ENFORCEMENT, clear), "until": _until(running)}
        row = insert(connection, enforcements).values(acctuniqueid=running.session, site=site.key, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["acctuniqueid"], set_=values))
    if site.local.legal is not None:
        delete_at = int((now + timedelta(days=site.local.legal.days)).timestamp())
        kept = insert(connection, legal_records).values(
            acctuniqueid=running.session,
            site=site.key,
            sealed=seal(site.wiring.key, LEGAL, clear),
            delete_at=delete_at,
        )
        connection.execute(kept.on_conflict_do_nothing())


def prolong(connection: Connection, running: Running) -> None:
    """The session goes on for longer, and its gateway's need of the address with it."""
    row = enforcements.c
    connection.execute(
        update(enforcements).where(row.acctuniqueid == running.session).values(until=_until(running))
    )


def forget_address(connection: Connection, session: str) -> None:
    """The session is over: its gateway needs the address no longer."""
    connection.execute(delete(enforcements).where(enforcements.c.acctuniqueid == session))


def phone_of(key: bytes, sealed: str) -> Phone:
    """The address again. Raises Unsealed."""
    fields = unseal(key, ENFORCEMENT, sealed)
    return Phone(str(fields["mac"]), str(fields["ip"]))


def _until(running: Running) -> int:
    return int(running.expires_at.timestamp())
