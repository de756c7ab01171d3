"""Reads incidents, counts how long they last, keeps why they are thought to be."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, select, text, update

from controller.incidents.model import Cause, Evidence, Finding, Open, Reach, Root
from controller.store.tables import incident_members, incidents

Row = dict[str, Any]
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


def keep_findings(connection: Connection, found: Mapping[str, Finding]) -> None:
    """Why incidents are thought to be."""
    rows = [
        {"name": name, "class": one.cause.value, "why": packed(one.evidence)} for name, one in found.items()
    ]
    values: Row = {"cause": bindparam("class"), "evidence": bindparam("why")}
    if rows:
        connection.execute(update(incidents).where(incidents.c.id == bindparam("name")).values(values), rows)


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
