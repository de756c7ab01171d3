"""Tells gateways which sessions may last longer, and keeps what they agreed to."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Row

from captive_portal.enforcement import Keeper
from captive_portal.gateways.lengthening import lengthen, works
from captive_portal.model import Gateway, Grant, PortalSite, Running
from captive_portal.opening import epoch
from captive_portal.radius.here import here
from captive_portal.sealing import Unsealed
from captive_portal.sessions import READ_ONLY
from captive_portal.wishes import Wishes, terms_in, waiting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lengthening:
    """One worker's answers to wishes; `keeper` is of its own, so that no silence here delays an end."""

    keeper: Keeper

    def turn(self) -> None:
        """Ask the gateway of each wish once. A crash after its answer asks once more, for the same bounds."""
        for site, rows in self.keeper.by_site(waiting(self.keeper.clock())):
            if not works(site):
                continue
            wished = [one for row in rows if (one := _wished(site, row)) is not None]
            if wished and not self.keeper.attend(site, partial(self._ask, site, wished)):
                for one in wished:
                    self._wishes.refuse(site, one.session)

    @property
    def _wishes(self) -> Wishes:
        return Wishes(self.keeper.engine)

    def _ask(self, site: PortalSite, wished: Sequence[Running], _gateway: Gateway) -> None:
        """Raises GatewayFailed at the first that nobody answers: nobody would answer the others."""
        for one in wished:
            whole = self._from_its_start(site, one)
            if whole is not None and lengthen(site.wiring, whole):
                self._wishes.agree(site, one, self.keeper.clock())
            else:
                self._wishes.refuse(site, one.session)

    def _from_its_start(self, site: PortalSite, one: Running) -> Grant | None:
        """The bounds as the gateway counts them; None where its accounting does not tell of the session."""
        with self.keeper.engine.connect().execution_options(**READ_ONLY) as connection:
            found = here(connection, site.key, one.session)
        if found is None:
            return None
        octets = max(1, one.octets - found.octets_elsewhere) if one.octets else 0
        seconds = max(1, epoch(one.expires_at) - found.began_at)
        return Grant(one.session, seconds, octets, one.down_kbps, one.up_kbps)


def _wished(site: PortalSite, row: Row[Any]) -> Running | None:
    try:
        return terms_in(site, row.acctuniqueid, row.sealed)
    except Unsealed:
        log.warning("wish cannot be read", extra={"site": site.key, "session": row.acctuniqueid})
        return None
