"""Sessions that staff opened at a gateway's own console: no tap, no plan, nobody's pseudonym."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from captive_portal.model import GatewayEvent
from captive_portal.opening import epoch
from captive_portal.tables import insert, sessions

ADMITTED: Final = "admitted"
PLAN: Final = "by-hand"
LONGEST_S: Final = 24 * 3600
NAMED: Final = "hand-"
"""How such a session's name begins, so that no event makes one with a name that the portal gives."""


def keep(connection: Connection, site: str, event: GatewayEvent, now: datetime) -> None:
    """Have the session of such an event in the books; an event that cannot be one changes nothing."""
    if event.kind != ADMITTED or not event.session.startswith(NAMED) or not event.seconds:
        return
    began = epoch(now - timedelta(seconds=max(0, event.age_s)))
    row = {
        "acctuniqueid": event.session,
        "site": site,
        "device": event.session,  # the gateway tells no device, and no two are taken for one
        "plan": PLAN,
        "granted_at": began,
        "acctstarttime": began,
        "expires_at": began + min(event.seconds, LONGEST_S),
    }
    connection.execute(insert(connection, sessions).values(row).on_conflict_do_nothing())
