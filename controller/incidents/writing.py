"""Writes what a turn changes, in one transaction: however many incidents, a few statements of many rows."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Update, bindparam, case, select, update

from captive_portal.tables import insert
from controller.incidents.model import SERVICE, Cause, Opening, Plan, Reach, Root
from controller.incidents.store import CLOSED, OPEN, Row
from controller.incidents.world import World
from controller.store.tables import incident_members, incidents

_INCIDENT: Final = incidents.c.id == bindparam("incident_id")
_MEMBER: Final = (
    incident_members.c.incident == bindparam("in_incident"),
    incident_members.c.member == bindparam("of_member"),
)


def write(connection: Connection, plan: Plan, world: World, now: int) -> list[str]:
    """Make a plan durable; returns the incidents that it opened."""
    _leave(connection, plan)
    _enter(connection, world, plan.joined)
    opened = _open(connection, world, plan.opened, now)
    for name, into in plan.merged.items():
        _merge(connection, name, into, now)
    for name, root in plan.rerooted.items():
        values = {**_root(world, root), "open_root": f"{root.reach}:{root.key}"}
        connection.execute(update(incidents).where(incidents.c.id == name).values(values))
    _close(connection, plan.closed, now)
    return opened


def close_by_hand(connection: Connection, name: str, now: int, who: str, why: str) -> None:
    """A person says that it is over."""
    _empty(connection, name, "closed")
    _close(connection, {name: now}, now)
    values = {"closed_by": who, "closed_why": why}
    connection.execute(update(incidents).where(incidents.c.id == name).values(values))


def site_of(world: World, member: str) -> str:
    """Where a member stands, "" where nowhere, or once it is in no inventory any more."""
    node = world.nodes.get(member)
    return node.site if node is not None else member.removeprefix(SERVICE) if SERVICE in member else ""


def municipality_of(world: World, root: Root) -> str:
    """Where the root is, "" where in several."""
    if root.reach in {Reach.MUNICIPALITY, Reach.UPLINK}:
        return root.key.partition("/")[0]
    if root.reach in {Reach.PORTAL, Reach.PROVIDER}:
        return ""
    if root.reach is Reach.POLLER:
        found = {world.place(one).municipality for one in world.asked_by.get(root.key, ())}
        return found.pop() if len(found) == 1 else ""
    site = root.key if root.key in world.places else site_of(world, root.key)
    return world.places[site].municipality if site in world.places else ""


def _change(connection: Connection, statement: Update, rows: Sequence[Row]) -> None:
    """One statement for all rows; what is no condition of it is what changes."""
    if rows:
        connection.execute(statement, rows)


def _leave(connection: Connection, plan: Plan) -> None:
    left = [
        *((name, key, at, "") for name, key, at in plan.restored),
        *((name, key, None, "released") for name, key in plan.released),
        *((name, key, None, "gone") for name, key in plan.gone),
    ]
    rows = [
        {"in_incident": name, "of_member": key, "back_at": at, "how": went} for name, key, at, went in left
    ]
    values: Row = {"open_member": None, "restored_at": bindparam("back_at"), "went": bindparam("how")}
    _change(connection, update(incident_members).where(*_MEMBER).values(values), rows)


def _enter(connection: Connection, world: World, members: Iterable[tuple[str, str, int]]) -> None:
    """Members of incidents, since when; one that was in it before is so again."""
    rows = [
        {"incident": name, "member": key, "site": site_of(world, key), "open_member": key, "since": since}
        for name, key, since in members
    ]
    if not rows:
        return
    statement = insert(connection, incident_members)
    again = {
        "open_member": statement.excluded.open_member,
        "restored_at": None,
        "went": "",
        "times": incident_members.c.times + 1,
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=["incident", "member"], set_=again), rows
    )


def _open(connection: Connection, world: World, openings: Sequence[Opening], now: int) -> list[str]:
    opened = {secrets.token_hex(4): one for one in openings}
    while len(opened) < len(openings):  # two of one name
        opened = {secrets.token_hex(4): one for one in openings}
    if opened:
        rows = [_row(world, name, one, now) for name, one in opened.items()]
        connection.execute(insert(connection, incidents), rows)
    members = ((name, key, since) for name, one in opened.items() for key, since in one.members.items())
    _enter(connection, world, members)
    return list(opened)


def _row(world: World, name: str, one: Opening, now: int) -> Row:
    return {
        "id": name,
        "opened_at": one.opened_at,
        "detected_at": now,
        **_root(world, one.root),
        "open_root": f"{one.root.reach}:{one.root.key}",
        "cause": Cause.UNKNOWN.value,
        "evidence": "[]",
        "state": OPEN,
        "open_s": max(0, now - one.opened_at),
        "counted_at": now,
    }


def _root(world: World, root: Root) -> dict[str, str]:
    return {"reach": root.reach.value, "root": root.key, "municipality": municipality_of(world, root)}


def _merge(connection: Connection, name: str, into: str, now: int) -> None:
    """Everything of one goes into another: it was no outage of its own."""
    wanted = select(incident_members).where(incident_members.c.incident == name)
    rows = connection.execute(wanted).mappings().all()
    there = select(incident_members.c.member).where(incident_members.c.incident == into)
    known = set(connection.execute(there).scalars())
    _empty(connection, name, "merged")
    moved = [{**row, "incident": into} for row in rows if row["member"] not in known]
    if moved:
        connection.execute(insert(connection, incident_members), moved)
    back = [
        {"in_incident": into, "of_member": row["member"], "again": row["member"]}
        for row in rows
        if row["member"] in known and row["open_member"] is not None
    ]
    values: Row = {"open_member": bindparam("again"), "restored_at": None, "went": ""}
    _change(connection, update(incident_members).where(*_MEMBER).values(values), back)
    closed = {"state": CLOSED, "closed_at": now, "closed_by": "", "open_root": None, "merged_into": into}
    connection.execute(update(incidents).where(incidents.c.id == name).values(closed))


def _empty(connection: Connection, name: str, went: str) -> None:
    here = (incident_members.c.incident == name, incident_members.c.open_member.is_not(None))
    connection.execute(update(incident_members).where(*here).values(open_member=None, went=went))


def _close(connection: Connection, closed: Mapping[str, int], now: int) -> None:
    """All of each works again since a moment; how long it lasted is counted until then."""
    rows = [{"incident_id": name, "at": at, "since_s": max(0, now - at)} for name, at in closed.items()]
    lasted = incidents.c.open_s - bindparam("since_s")
    values: Row = {
        "state": CLOSED,
        "closed_at": bindparam("at"),
        "closed_by": "",
        "open_root": None,
        "repair_s": case((lasted > 0, lasted), else_=0),
    }
    _change(connection, update(incidents).where(_INCIDENT).values(values), rows)
