"""Asks and tells the gateways of other makers: what was used, and who is to go."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, func, or_, select

from captive_portal.enforced import TOLD_BY_ADDRESS, phone_of
from captive_portal.errors import GatewayFailed
from captive_portal.gateways.ending import Ending, ending
from captive_portal.model import Admitted, Gateway, GatewayKind, Phone, PortalSite, Wiring
from captive_portal.opening import epoch
from captive_portal.sealing import Unsealed
from captive_portal.sessions import READ_ONLY, StoredSessions
from captive_portal.tables import enforcements, sessions

log = logging.getLogger(__name__)

GatewayOf = Callable[[Wiring], Gateway]

ACCOUNTED: Final = frozenset({GatewayKind.OMADA, GatewayKind.UNIFI})
"""Kinds whose controller we ask what was used, so that we must see to a session's end, too."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=30)
EACH_TURN: Final = 20
"""How many sessions of a site one turn ends: a site full of them delays the others by no more."""

ADMIN_RESET: Final = "Admin-Reset"
TIME_OVER: Final = "Session-Timeout"
OCTETS_OVER: Final = "Octets-Limit"
NOBODY: Final = Phone("")


@dataclass(frozen=True, slots=True)
class Pause:
    """A gateway that failed is left alone until then; each failure in a row doubles `wait`."""

    until: datetime
    wait: timedelta


@dataclass(slots=True)
class Keeper:
    """One worker's care for the gateways: a site that fails costs no other.

    `sites` is asked only when there is something to do; `clock` tells the aware moment.
    """

    engine: Engine
    sites: Callable[[], Mapping[str, PortalSite]]
    gateway_of: GatewayOf
    clock: Callable[[], datetime]
    pauses: dict[str, Pause] = field(default_factory=dict)

    def account(self) -> None:
        """Ask each gateway once what the sessions that it enforces have used."""
        for site, rows in self.by_site(_enforced(epoch(self.clock()))):
            if site.wiring.kind in ACCOUNTED:
                self.attend(site, partial(self._ask, site, rows))

    def dismiss(self) -> None:
        """Tell each gateway which sessions are to end, and record the ends that it agreed to."""
        for site, rows in self.by_site(_to_dismiss(epoch(self.clock()))):
            wanted = [row for row in rows if _is_ours_to_end(site, row)][:EACH_TURN]
            if wanted and ending(site.wiring.kind, site.wiring.api_url) is Ending.TOLD:
                self.attend(site, partial(self._tell, site, wanted))

    def _ask(self, site: PortalSite, rows: list[Row[Any]], gateway: Gateway) -> None:
        self._count([one for row in rows if (one := _admitted(site, row)) is not None], gateway)

    def _count(self, admitted: list[Admitted], gateway: Gateway) -> None:
        """Raises GatewayFailed."""
        usage = gateway.account(admitted)
        if usage is not None:
            StoredSessions(self.engine).account(usage, self.clock())

    def _tell(self, site: PortalSite, rows: list[Row[Any]], gateway: Gateway) -> None:
        """One that it does not let go holds up no other of this turn. Raises GatewayFailed after the last.

        A controller that counts is asked once more about those it let go: its list is a history.
        """
        failed: GatewayFailed | None = None
        gone: list[Admitted] = []
        for row in rows:
            one = _admitted(site, row)
            try:
                if one is not None and gateway.dismiss(one):
                    StoredSessions(self.engine).ended(one.session, _cause(row), self.clock())
                    gone.append(one)
            except GatewayFailed as error:
                failed = error
        if gone and site.wiring.kind in ACCOUNTED:
            self._count(gone, gateway)
        if failed is not None:
            raise failed

    def attend(self, site: PortalSite, work: Callable[[Gateway], None]) -> bool:
        """Do it unless the gateway failed a moment ago; the first failure in a row is logged.

        Whether it was done.
        """
        paused = self.pauses.get(site.key)
        if paused is not None and self.clock() < paused.until:
            return False
        try:
            work(self.gateway_of(site.wiring))
        except GatewayFailed as error:
            if paused is None:
                log.warning("gateway failed", extra={"site": site.key, "reason": error.reason})
            wait = FIRST_WAIT if paused is None else min(2 * paused.wait, LONGEST_WAIT)
            self.pauses[site.key] = Pause(self.clock() + wait, wait)
            return False
        self.pauses.pop(site.key, None)
        return True

    def by_site(self, query: Select[Any]) -> list[tuple[PortalSite, list[Row[Any]]]]:
        """The rows of a query by their column `site`, of the sites that are known."""
        found: dict[str, list[Row[Any]]] = {}
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            for row in connection.execute(query):
                found.setdefault(row.site, []).append(row)
        sites = self.sites() if found else {}
        return [(sites[key], rows) for key, rows in found.items() if key in sites]


def _rows(at: int) -> Select[Any]:
    row = sessions.c
    columns = (row.acctuniqueid, row.site, row.dismissed_at, row.acctterminatecause, enforcements.c.sealed)
    joined = sessions.outerjoin(enforcements, enforcements.c.acctuniqueid == row.acctuniqueid)
    late = (row.expires_at <= at).label("is_late")
    return (
        select(*columns, late, _spent().label("is_spent"))
        .select_from(joined)
        .where(row.acctstoptime.is_(None))
    )


def _spent() -> ColumnElement[bool]:
    row = sessions.c
    used = func.coalesce(row.acctinputoctets, 0) + func.coalesce(row.acctoutputoctets, 0)
    return and_(row.octets_max > 0, used >= row.octets_max)


def _enforced(at: int) -> Select[Any]:
    return _rows(at).where(enforcements.c.sealed.is_not(None), sessions.c.dismissed_at.is_(None))


def _to_dismiss(at: int) -> Select[Any]:
    """Asked to end, or their octets or their time are over."""
    row = sessions.c
    over = or_(row.dismissed_at.is_not(None), _spent(), row.expires_at <= at)
    return _rows(at).where(over).order_by(row.site, row.granted_at)


def _admitted(site: PortalSite, row: Row[Any]) -> Admitted | None:
    """With the phone's address where the kind is told by it; None where that cannot be read."""
    if site.wiring.kind not in TOLD_BY_ADDRESS:
        return Admitted(row.acctuniqueid, NOBODY)
    if row.sealed is None:
        return None
    try:
        return Admitted(row.acctuniqueid, phone_of(site.wiring.key, row.sealed))
    except Unsealed:
        log.warning("address cannot be read", extra={"site": site.key, "session": row.acctuniqueid})
        return None


def _is_ours_to_end(site: PortalSite, row: Row[Any]) -> bool:
    """By time alone only where no RADIUS told the gateway how long; by octets or a word everywhere."""
    return row.dismissed_at is not None or row.is_spent or site.wiring.kind in ACCOUNTED


def _cause(row: Row[Any]) -> str:
    """Who asked for it, in its row; else what is over, which the query found."""
    if row.dismissed_at is not None:
        return str(row.acctterminatecause or ADMIN_RESET)
    return TIME_OVER if row.is_late else OCTETS_OVER
