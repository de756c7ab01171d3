"""Keeps when each poller without a store landed something last."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from captive_portal.tables import insert
from controller.store.tables import poller_landings


@dataclass(frozen=True, slots=True)
class Landed:
    """The last time, in epoch seconds by the centre's clock, and how often until then."""

    at: int
    times: int


def note(engine: Engine, name: str, at: int) -> None:
    """It has landed something now."""
    row = poller_landings.c
    with engine.begin() as connection:
        wish = insert(connection, poller_landings).values(poller=name, landed_at=at, landings=1)
        again = {"landed_at": at, "landings": row.landings + 1}
        connection.execute(wish.on_conflict_do_update(index_elements=["poller"], set_=again))


def landed(connection: Connection) -> dict[str, Landed]:
    """Of every poller that ever landed something."""
    rows = connection.execute(select(poller_landings))
    return {row.poller: Landed(row.landed_at, row.landings) for row in rows}
