"""Which addresses the store holds, sealed under the site's key: of whom, and until when."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, update

from captive_portal.local import LegalRetention
from captive_portal.model import TELLS_NO_ADDRESS, Arrival, GatewayKind, Phone, PortalSite, Running
from captive_portal.sealing import seal, unseal
from captive_portal.tables import enforcements, insert, legal_records

TOLD_BY_ADDRESS: Final = frozenset(
    {GatewayKind.OMADA, GatewayKind.UNIFI, GatewayKind.RUCKUS_SMARTZONE, GatewayKind.RADIUS}
)
"""The kinds that let go, or tell what was used, by a phone's address; to the others it means nothing."""

ENFORCEMENT: Final = "enforcement"
LEGAL: Final = "legal"
_FORGET: Final = delete(enforcements).where(enforcements.c.acctuniqueid == bindparam("of_session"))


def kept_for_law(site: PortalSite) -> LegalRetention | None:
    """The decision by which addresses are kept at a site; None where nobody signed or none is ever told."""
    return None if site.wiring.kind in TELLS_NO_ADDRESS else site.local.legal


def keep_address(
    connection: Connection, site: PortalSite, arrival: Arrival, running: Running, now: datetime
) -> None:
    """Keep the phone's address, where its gateway needs it or the law was signed to ask for it."""
    phone = arrival.phone
    if phone is None:
        return
    clear: dict[str, object] = {"mac": phone.mac, "ip": phone.ip}
    if site.wiring.kind in TOLD_BY_ADDRESS:
        values = {"sealed": seal(site.wiring.key, ENFORCEMENT, clear), "until": _until(running)}
        row = insert(connection, enforcements).values(acctuniqueid=running.session, site=site.key, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["acctuniqueid"], set_=values))
    legal = kept_for_law(site)
    if legal is not None:
        delete_at = int((now + timedelta(days=legal.days)).timestamp())
        kept = insert(connection, legal_records).values(
            acctuniqueid=running.session,
            site=site.key,
            sealed=seal(site.wiring.key, LEGAL, clear | {"at": int(now.timestamp())}),
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
    connection.execute(_FORGET, {"of_session": session})


def phone_of(key: bytes, sealed: str, purpose: str = ENFORCEMENT) -> Phone:
    """The address again, as it was kept for a purpose. Raises Unsealed."""
    fields = unseal(key, purpose, sealed)
    return Phone(str(fields["mac"]), str(fields["ip"]))


def _until(running: Running) -> int:
    return int(running.expires_at.timestamp())
