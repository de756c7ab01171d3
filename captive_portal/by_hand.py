"""Sessions that began at a gateway without the portal: by staff's hand, or while the portal was away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from captive_portal import counts
from captive_portal.counts import Counted
from captive_portal.model import GatewayEvent
from captive_portal.opening import epoch
from captive_portal.privacy import session_device
from captive_portal.tables import insert, sessions

LONGEST_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Sort:
    """How the names of such sessions begin, so that no event makes one with a name that the portal gives.

    `plan` is what the books call what was given.
    """

    named: str
    plan: str


SORTS: Final[Mapping[str, Sort]] = MappingProxyType(
    {"admitted": Sort("hand-", "by-hand"), "continued": Sort("away-", "away")}
)
"""The kinds of event that bring a session into the books; no other does."""


def keep(connection: Connection, site: str, event: GatewayEvent, now: datetime) -> bool:
    """Have the session of such an event in the books; False for an event that cannot be one."""
    sort = SORTS.get(event.kind)
    if sort is None or not event.session.startswith(sort.named) or not event.seconds:
        return False
    began = epoch(now - timedelta(seconds=max(0, event.age_s)))
    until = began + min(event.seconds, LONGEST_S)
    row = {
        "acctuniqueid": event.session,
        "site": site,
        "device": _device(connection, event, until, now),
        "plan": sort.plan,
        "granted_at": began,
        "acctstarttime": began,
        "expires_at": until,
    }
    kept = connection.execute(insert(connection, sessions).values(row).on_conflict_do_nothing())
    if kept.rowcount:
        counts.add(connection, site, began, Counted.UNMARKED)
    return True


def _device(connection: Connection, event: GatewayEvent, until: int, now: datetime) -> str:
    """Today's pseudonym, so that a phone that taps now goes on in its session.

    Where none is told, or the session is over and perhaps of another day, the session's own name: no two are
    taken for one phone.
    """
    if not event.device or until <= epoch(now):
        return event.session
    return session_device(connection, event.device, now)
