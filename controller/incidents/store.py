"""Keeps incidents: what a turn changes is written in one transaction, all of it or nothing."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select, text, update

from captive_portal.tables import insert
from controller.incidents.model import SERVICE, Cause, Evidence, Finding, Open, Plan, Reach, Root
from controller.incidents.world import World
from controller.store.tables import incident_members, incidents

OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"
_LOCK: Final = 0x706C617A61  # any number that is always the same
_LATE_S: Final = 600


@dataclass(frozen=True, slots=True)
class Lasted:
    """How the time since the last turn is counted: by the wall clock, where it was not set meanwhile.

    `by_mono_s` is what this process counted itself since its last turn, None at its first.
    """

    now: int
    by_mono_s: int | None = None

    def since(self, counted_at: int) -> int:
        """Seconds since then, however the clock was set."""
        by_wall_s = self.now - counted_at
        if 0 <= by_wall_s <= _LATE_S:
            return by_wall_s
        return max(by_wall_s, 0) if self.by_mono_s is None else self.by_mono_s


def take_turn(connection: Connection) -> None:
    """One process at a time reads incidents to write them; on SQLite whoever writes is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def still_open(connection: Connection) -> list[Open]:
    """Every incident that is not closed, the oldest first."""
    columns = (incidents.c.id, incidents.c.reach, incidents.c.root, incidents.c.opened_at)
    wanted = select(*columns).where(incidents.c.open_root.is_not(None))
    rows = connection.execute(wanted.order_by(incidents.c.opened_at, incidents.c.id)).all()
    members: dict[str, dict[str, int]] = {row.id: {} for row in rows}
    ever: dict[str, set[str]] = {row.id: set() for row in rows}
    of_open = select(incidents.c.id).where(incidents.c.open_root.is_not(None))
    found = select(incident_members).where(incident_members.c.incident.in_(of_open))
    for row in connection.execute(found) if rows else ():
        ever[row.incident].add(row.member)
        if row.open_member is not None:
            members[row.incident][row.member] = row.since
    return [
        Open(
            row.id, Root(Reach(row.reach), row.root), row.opened_at, members[row.id], frozenset(ever[row.id])
        )
        for row in rows
    ]


def count_on(connection: Connection, lasted: Lasted) -> None:
    """Let every open incident have lasted until now."""
    at = incidents.c.counted_at
    for counted_at in connection.execute(
        select(at).where(incidents.c.open_root.is_not(None)).distinct()
    ).scalars():
        here = (incidents.c.open_root.is_not(None), at == counted_at)
        values = {"open_s": incidents.c.open_s + lasted.since(counted_at), "counted_at": lasted.now}
        if counted_at != lasted.now:
            connection.execute(update(incidents).where(*here).values(values))


def write(connection: Connection, plan: Plan, world: World, now: int) -> list[str]:
    """Make a plan durable; returns the incidents that it opened."""
    _leave(connection, plan)
    for name, key, since in plan.joined:
        _enter(connection, world, name, {key: since})
    opened = [_open(connection, world, one.root, one.opened_at, one.members, now) for one in plan.opened]
    for name, into in plan.merged.items():
        _merge(connection, name, into, now)
    for name, root in plan.rerooted.items():
        values = {**_root(world, root), "open_root": f"{root.reach}:{root.key}"}
        connection.execute(update(incidents).where(incidents.c.id == name).values(values))
    for name, at in plan.closed.items():
        _close(connection, name, at, now)
    return opened


def keep_finding(connection: Connection, name: str, finding: Finding) -> None:
    """Why an incident is thought to be."""
    values = {"cause": finding.cause.value, "evidence": packed(finding.evidence)}
    connection.execute(update(incidents).where(incidents.c.id == name).values(values))


def keep_expected(connection: Connection, names: Sequence[str]) -> None:
    """Somebody said of all that is down in these that it would be."""
    connection.execute(update(incidents).where(incidents.c.id.in_(names)).values(expected=1))


def findings(connection: Connection, names: Collection[str]) -> dict[str, Finding]:
    """What is thought of each of these."""
    columns = (incidents.c.id, incidents.c.cause, incidents.c.evidence)
    rows = connection.execute(select(*columns).where(incidents.c.id.in_(list(names)))).mappings()
    return {row["id"]: unpacked(row) for row in rows}


def packed(evidence: Sequence[Evidence]) -> str:
    """Evidence as it is stored."""
    return json.dumps([[one.code, dict(one.said)] for one in evidence], ensure_ascii=False)


def unpacked(row: RowMapping) -> Finding:
    """What is stored of an incident's cause."""
    evidence = tuple(Evidence(code, said) for code, said in json.loads(row["evidence"]))
    return Finding(Cause(row["cause"]), evidence)


def site_of(world: World, member: str) -> str:
    """Where a member stands, "" once it is in no inventory any more."""
    node = world.nodes.get(member)
    return node.site if node is not None else member.removeprefix(SERVICE) if SERVICE in member else ""


def _leave(connection: Connection, plan: Plan) -> None:
    for name, key, at in plan.restored:
        _set(connection, name, key, {"open_member": None, "restored_at": at})
    for name, key in plan.released:
        _set(connection, name, key, {"open_member": None, "went": "released"})
    for name, key in plan.gone:
        _set(connection, name, key, {"open_member": None, "went": "gone"})


def _set(connection: Connection, name: str, key: str, values: Mapping[str, Any]) -> None:
    here = (incident_members.c.incident == name, incident_members.c.member == key)
    connection.execute(update(incident_members).where(*here).values(values))


def _enter(connection: Connection, world: World, name: str, members: Mapping[str, int]) -> None:
    """Members of an incident; one that was in it before is so again."""
    rows = [
        {"incident": name, "member": key, "site": site_of(world, key), "open_member": key, "since": since}
        for key, since in members.items()
    ]
    again = {
        "open_member": insert(connection, incident_members).excluded.open_member,
        "restored_at": None,
        "went": "",
        "times": incident_members.c.times + 1,
    }
    statement = insert(connection, incident_members)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["incident", "member"], set_=again), rows
    )


def _open(
    connection: Connection, world: World, root: Root, opened_at: int, members: Mapping[str, int], now: int
) -> str:
    name = secrets.token_hex(4)
    row = {
        "id": name,
        "opened_at": opened_at,
        "detected_at": now,
        **_root(world, root),
        "open_root": f"{root.reach}:{root.key}",
        "cause": Cause.UNKNOWN.value,
        "evidence": "[]",
        "state": OPEN,
        "open_s": max(0, now - opened_at),
        "counted_at": now,
    }
    connection.execute(insert(connection, incidents).values(row))
    _enter(connection, world, name, members)
    return name


def _root(world: World, root: Root) -> dict[str, str]:
    return {"reach": root.reach.value, "root": root.key, "municipality": municipality_of(world, root)}


def municipality_of(world: World, root: Root) -> str:
    """Where the root is, "" where in several."""
    if root.reach in {Reach.MUNICIPALITY, Reach.UPLINK}:
        return root.key.partition("/")[0]
    if root.reach in {Reach.PORTAL, Reach.PROVIDER}:
        return ""
    site = root.key if root.key in world.places else site_of(world, root.key)
    return world.places[site].municipality if site in world.places else ""


def _merge(connection: Connection, name: str, into: str, now: int) -> None:
    """Everything of one goes into another: it was no outage of its own."""
    rows = (
        connection.execute(select(incident_members).where(incident_members.c.incident == name))
        .mappings()
        .all()
    )
    there = select(incident_members.c.member).where(incident_members.c.incident == into)
    known = set(connection.execute(there).scalars())
    _empty(connection, name, "merged")
    for row in rows:
        if row["member"] not in known:
            connection.execute(insert(connection, incident_members).values({**row, "incident": into}))
        elif row["open_member"] is not None:
            _set(
                connection,
                into,
                row["member"],
                {"open_member": row["member"], "restored_at": None, "went": ""},
            )
    values = {"state": CLOSED, "closed_at": now, "closed_by": "", "open_root": None, "merged_into": into}
    connection.execute(update(incidents).where(incidents.c.id == name).values(values))


def _empty(connection: Connection, name: str, went: str) -> None:
    here = (incident_members.c.incident == name, incident_members.c.open_member.is_not(None))
    connection.execute(update(incident_members).where(*here).values(open_member=None, went=went))


def _close(connection: Connection, name: str, at: int, now: int) -> None:
    """All of it works again since `at`."""
    lasted = select(incidents.c.open_s).where(incidents.c.id == name)
    repair_s = max(0, int(connection.execute(lasted).scalar_one()) - max(0, now - at))
    values = {"state": CLOSED, "closed_at": at, "closed_by": "", "open_root": None, "repair_s": repair_s}
    connection.execute(update(incidents).where(incidents.c.id == name).values(values))


def close_by_hand(connection: Connection, name: str, now: int, who: str, why: str) -> None:
    """A person says that it is over."""
    _empty(connection, name, "closed")
    _close(connection, name, now, now)
    values = {"closed_by": who, "closed_why": why}
    connection.execute(update(incidents).where(incidents.c.id == name).values(values))
