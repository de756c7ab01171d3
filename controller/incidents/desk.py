"""What staff see and do: incidents with their members, acknowledging, closing, announcing outages."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, Select, func, select, update

from captive_portal.tables import insert
from controller import audit
from controller.audit import Entry
from controller.errors import IncidentError
from controller.health import State
from controller.incidents import listening, reading, store
from controller.incidents.expecting import Announced
from controller.incidents.model import POLLER, Finding, Reach, Root
from controller.incidents.writing import close_by_hand
from controller.store.engine import READ_ONLY
from controller.store.tables import health, incident_members, incidents, planned_outages

MAX_ACTOR: Final = 64
LONGEST_WHY: Final = 500


@dataclass(frozen=True, slots=True)
class Member:
    """A device, the service of a site, or a poller.

    `restored_at` None: still down, or it left (`went` says how).
    """

    key: str
    site: str
    since: int
    restored_at: int | None
    went: str
    times: int

    @property
    def is_down(self) -> bool:
        """Whether it is in the incident now."""
        return self.restored_at is None and not self.went


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage as the store has it; times in epoch seconds, `open_s` how long it has lasted."""

    name: str
    root: Root
    municipality: str
    finding: Finding
    state: str
    opened_at: int
    detected_at: int
    open_s: int
    expected: bool
    acked_at: int | None
    acked_by: str
    acked_why: str
    closed_at: int | None
    closed_by: str
    closed_why: str
    repair_s: int | None
    merged_into: str
    members: tuple[Member, ...]

    @property
    def is_open(self) -> bool:
        """Whether it goes on, acknowledged or not."""
        return self.state != store.CLOSED

    @property
    def down(self) -> tuple[Member, ...]:
        """Those that are still in it."""
        return tuple(one for one in self.members if one.is_down)


@dataclass(frozen=True, slots=True)
class Hand:
    """Who does something at the desk, why, and when; it goes into the audit log."""

    who: str
    why: str
    at: datetime
    key: bytes

    def record(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        """Write it down within the same transaction."""
        entry = Entry(self.who[:MAX_ACTOR], action, subject, {"why": self.why, **detail}, self.at)
        audit.record(connection, self.key, entry)

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return int(self.at.timestamp())


def listed(engine: Engine, closed_since: int | None = None) -> list[Incident]:
    """The open incidents, and where it is asked those closed since (epoch seconds), the newest first.

    What went into another one is left out.
    """
    wanted = select(incidents).where(incidents.c.merged_into.is_(None))
    if closed_since is None:
        wanted = wanted.where(incidents.c.open_root.is_not(None))
    else:
        is_open = incidents.c.open_root.is_not(None)
        wanted = wanted.where(is_open | (incidents.c.closed_at >= closed_since))
    with engine.connect().execution_options(**READ_ONLY) as connection:
        found = wanted.order_by(incidents.c.opened_at.desc(), incidents.c.id)
        rows = connection.execute(found).mappings().all()
        members = _members(connection, wanted.with_only_columns(incidents.c.id))
    return [_incident(row, members.get(row["id"], ())) for row in rows]


def touching(
    found: Iterable[Incident], municipality: str, sites: Collection[str], pollers: Collection[str] = ()
) -> list[Incident]:
    """Those whose root is in a municipality, or is wider and has a member at one of its sites.

    `pollers` are those that ask devices there.
    """
    here = {POLLER + name for name in pollers}
    return [
        one
        for one in found
        if one.municipality == municipality
        or (not one.municipality and any(each.site in sites or each.key in here for each in one.members))
    ]


def find(engine: Engine, short: str) -> Incident:
    """The incident whose id begins so. Raises IncidentError."""
    wanted = select(incidents).where(incidents.c.id.startswith(short, autoescape=True))
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(wanted).mappings().all()
        if len(rows) != 1:
            said = (
                f"{len(rows)} incidents begin so; write more of its id"
                if rows
                else "there is no such incident"
            )
            raise IncidentError(f"{short!r}: {said}; see plaza incident list --all")
        members = _members(connection, wanted.with_only_columns(incidents.c.id))
    return _incident(rows[0], members.get(rows[0]["id"], ()))


def open_count(engine: Engine) -> int:
    """How many are open."""
    wanted = select(func.count()).where(incidents.c.open_root.is_not(None))
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return int(connection.execute(wanted).scalar_one())


def acknowledge(engine: Engine, incident: Incident, hand: Hand) -> None:
    """Somebody has it. Raises IncidentError where it is closed."""
    _require_why(hand)
    values = {
        "state": store.ACKNOWLEDGED,
        "acked_at": hand.now,
        "acked_by": hand.who[:MAX_ACTOR],
        "acked_why": hand.why,
    }
    here = (incidents.c.id == incident.name, incidents.c.open_root.is_not(None))
    with engine.begin() as connection:
        if not connection.execute(update(incidents).where(*here).values(values)).rowcount:
            raise IncidentError(f"{incident.name}: is closed; see plaza incident show {incident.name}")
        hand.record(connection, "incident-acknowledged", incident.name, root=str(incident.root))


def close(engine: Engine, incident: Incident, hand: Hand) -> None:
    """A person says that it is over. Raises IncidentError where it is closed, or one of it is surely down."""
    _require_why(hand)
    with engine.begin() as connection:
        store.take_turn(connection)
        known = {one.name: one for one in store.still_open(connection)}
        if incident.name not in known:
            raise IncidentError(f"{incident.name}: is closed; see plaza incident show {incident.name}")
        down = _down(connection, known[incident.name].members)
        if down:
            mend = "mend it, or say that it is expected: plaza incident expect SITE --until 3h --why …"
            raise IncidentError(f"{incident.name}: {down[0]} is still down ({len(down)} in all); {mend}")
        close_by_hand(connection, incident.name, hand.now, hand.who[:MAX_ACTOR], hand.why)
        hand.record(connection, "incident-closed", incident.name, root=str(incident.root))


def announce(engine: Engine, place: str, start: datetime, until: datetime, hand: Hand) -> Announced:
    """Say that a site or a municipality will be down. Raises IncidentError for a time that is no time."""
    _require_why(hand)
    if until <= start or until <= hand.at:
        raise IncidentError(f"--until {until.isoformat()} is over, or not after --from; write a later one")
    made = Announced(
        secrets.token_hex(4),
        place,
        int(start.timestamp()),
        int(until.timestamp()),
        hand.why,
        hand.who[:MAX_ACTOR],
    )
    row = {
        "id": made.name,
        "place": place,
        "start_at": made.start_at,
        "until": made.until,
        "why": made.why,
        "author": made.author,
        "made_at": hand.now,
    }
    with engine.begin() as connection:
        connection.execute(insert(connection, planned_outages).values(row))
        times = {"from": start.isoformat(), "until": until.isoformat()}
        hand.record(connection, "outage-announced", place, outage=made.name, **times)
    return made


def call_off(engine: Engine, name: str, hand: Hand) -> None:
    """An announced outage will not be, or is over. Raises IncidentError where none of that id holds."""
    row = planned_outages.c
    here = (row.id == name, row.cancelled_at.is_(None), row.until > hand.now)
    with engine.begin() as connection:
        done = update(planned_outages).where(*here).values(cancelled_at=hand.now).returning(row.place)
        place = connection.execute(done).scalar()
        if place is None:
            raise IncidentError(
                f"{name!r}: no announced outage of that id is to come or on; see plaza incident expect"
            )
        hand.record(connection, "outage-called-off", place, outage=name)


def announced(engine: Engine, now: int) -> list[Announced]:
    """Announced outages that are on or to come, without those called off."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return [one for one in reading.announced(connection, now) if one.cancelled_at is None]


def _require_why(hand: Hand) -> None:
    if not hand.why.strip() or len(hand.why) > LONGEST_WHY or not hand.why.isprintable():
        raise IncidentError(f"--why: write a reason of at most {LONGEST_WHY} letters in one line")


def _down(connection: Connection, members: Collection[str]) -> list[str]:
    wanted = select(health.c.device).where(
        health.c.device.in_(list(members)), health.c.state == State.DOWN.value
    )
    pollers = [one.removeprefix(POLLER) for one in members if one.startswith(POLLER)]
    return sorted([*connection.execute(wanted).scalars(), *listening.silent(connection, pollers)])


def _members(connection: Connection, names: Select[Any]) -> Mapping[str, tuple[Member, ...]]:
    found: dict[str, list[Member]] = {}
    row = incident_members.c
    wanted = select(incident_members).where(row.incident.in_(names)).order_by(row.since, row.member)
    for one in connection.execute(wanted):
        member = Member(one.member, one.site, one.since, one.restored_at, one.went, one.times)
        found.setdefault(one.incident, []).append(member)
    return {name: tuple(members) for name, members in found.items()}


def _incident(row: RowMapping, members: tuple[Member, ...]) -> Incident:
    values: dict[str, Any] = {
        name: row[name]
        for name in (
            "municipality",
            "state",
            "opened_at",
            "detected_at",
            "open_s",
            "acked_at",
            "closed_at",
            "repair_s",
        )
    }
    values |= {
        name: row[name] or "" for name in ("acked_by", "acked_why", "closed_by", "closed_why", "merged_into")
    }
    return Incident(
        name=row["id"],
        root=Root(Reach(row["reach"]), row["root"]),
        finding=store.unpacked(row),
        expected=bool(row["expected"]),
        members=members,
        **values,
    )
