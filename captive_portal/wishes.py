"""More time that a citizen asked for, until the site's gateway has answered or a minute is over."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, Select, delete, select, update

from captive_portal.model import Plan, PortalSite, Refusal, Running
from captive_portal.opening import epoch, is_running, longer, named, stretch
from captive_portal.radius.here import here
from captive_portal.sealing import Fields, seal, unseal
from captive_portal.sessions import READ_ONLY
from captive_portal.tables import insert, waiting_grants
from captive_portal.waiting import OLDEST

PURPOSE: Final = "longer"
REFUSED: Final[Fields] = {}
"""What is kept, for the rest of the minute, of a wish that was not granted."""

_row = waiting_grants.c


class Wish(StrEnum):
    """NONE: nobody would know whom to ask. POSSIBLE: it can be asked for. WAITS, REFUSED: it was."""

    NONE = "none"
    POSSIBLE = "possible"
    WAITS = "waits"
    REFUSED = "refused"


class Wishes:
    """Behind an engine; each method is durable on return. A wish is sealed with the site's key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, site: PortalSite, session: str, plan: Plan, now: datetime) -> None:
        """As much as `StoredSessions.extend` would give; nothing where that is nothing, or a wish waits."""
        with self._engine.begin() as connection:
            if _wish(connection, site, session, now) is not None:
                return
            terms = longer(connection, site.key, session, plan, now)
            if not isinstance(terms, Refusal):
                _keep(connection, site, terms, now)

    def of(self, site: PortalSite, session: str, now: datetime) -> Wish:
        """How it stands with more time for a session that runs."""
        with self._engine.connect().execution_options(**READ_ONLY) as connection:
            wish = _wish(connection, site, session, now)
            if wish is not None:
                return wish
            return Wish.NONE if here(connection, site.key, session) is None else Wish.POSSIBLE

    def agree(self, site: PortalSite, terms: Running, now: datetime) -> None:
        """The gateway did: the session is longer, unless it is over by now."""
        with self._engine.begin() as connection:
            found = named(connection, site.key, terms.session)
            if found is not None and is_running(found, now):
                stretch(connection, terms)
            connection.execute(delete(waiting_grants).where(_row.acctuniqueid == terms.session))

    def refuse(self, site: PortalSite, session: str) -> None:
        """The gateway did not, or said nothing: the session is as it was."""
        with self._engine.begin() as connection:
            sealed = seal(site.wiring.key, PURPOSE, REFUSED)
            connection.execute(
                update(waiting_grants).where(_row.acctuniqueid == session).values(sealed=sealed)
            )


def waiting(now: datetime) -> Select[tuple[str, str, str]]:
    """The wishes of the last minute, the oldest first, and the grants that openNDS will ask for."""
    wanted = select(_row.acctuniqueid, _row.site, _row.sealed).where(_row.made_at > epoch(now - OLDEST))
    return wanted.order_by(_row.made_at, _row.acctuniqueid)


def terms_in(site: PortalSite, session: str, sealed: str) -> Running | None:
    """What was wished for; None where it was refused. Raises Unsealed."""
    told = {name: int(str(value)) for name, value in unseal(site.wiring.key, PURPOSE, sealed).items()}
    if not told:
        return None
    until = datetime.fromtimestamp(told["until"], UTC)
    return Running(session, until, 0, told["octets"], told["down"], told["up"])


def _wish(connection: Connection, site: PortalSite, session: str, now: datetime) -> Wish | None:
    """The wish of the last minute."""
    wanted = waiting(now).where(_row.acctuniqueid == session, _row.site == site.key)
    found = connection.execute(wanted).first()
    if found is None:
        return None
    return Wish.REFUSED if terms_in(site, session, found.sealed) is None else Wish.WAITS


def _keep(connection: Connection, site: PortalSite, terms: Running, now: datetime) -> None:
    told: Fields = {
        "until": epoch(terms.expires_at),
        "octets": terms.octets,
        "down": terms.down_kbps,
        "up": terms.up_kbps,
    }
    values = {"site": site.key, "sealed": seal(site.wiring.key, PURPOSE, told), "made_at": epoch(now)}
    one = insert(connection, waiting_grants).values(acctuniqueid=terms.session, **values)
    connection.execute(one.on_conflict_do_update(index_elements=["acctuniqueid"], set_=values))
