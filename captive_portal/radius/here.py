"""How long ago a session began where it is now, as its access point's accounting told."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from captive_portal.radius.tables import associations


@dataclass(frozen=True, slots=True)
class Here:
    """The association that goes on: when it began (UTC epoch seconds), and what all others have used."""

    began_at: int
    octets_elsewhere: int


def here(connection: Connection, site: str, session: str) -> Here | None:
    """The one last heard of, of those that have not ended; None where accounting told of none.

    Its time and its octets are counted from zero, whatever the session has used before.
    """
    row = associations.c
    wanted = select(associations).where(row.site == site, row.acctuniqueid == session)
    told = connection.execute(wanted.order_by(row.heard_at.desc())).all()
    running = next((one for one in told if one.acctstoptime is None), None)
    if running is None:
        return None
    others = [one for one in told if one.association != running.association]
    used = sum((one.acctinputoctets or 0) + (one.acctoutputoctets or 0) for one in others)
    return Here(running.heard_at - (running.acctsessiontime or 0), used)
