"""A small network in memory, its outages, and looks at it as a poller takes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from controller.incidents.model import SERVICE, Node, Open, Place, Plan, Root, Seen
from controller.incidents.moment import Moment
from controller.incidents.planning import plan
from controller.incidents.seeing import Look, Pace, carried_on, seen
from controller.incidents.world import World
from drivers.model import Role

START = 1_790_000_000
EVERY_S = 30
PACE = Pace.every(EVERY_S)


def ap(key: str, site: str, parent: str = "", power: str = "") -> Node:
    return Node(key, site, Role.AP, parent, power)


def device(key: str, site: str, role: Role, parent: str = "", power: str = "") -> Node:
    return Node(key, site, role, parent, power)


def service(site: str, parent: str = "") -> Node:
    return Node(SERVICE + site, site, None, parent)


@dataclass
class Incident:
    """An incident as the store would keep it."""

    name: str
    root: Root
    opened_at: int
    members: dict[str, int]
    ever: set[str]
    closed_at: int | None = None
    merged_into: str = ""


@dataclass
class Town:
    """A world, what does not work in it now, and the incidents that there are."""

    world: World
    now: int = START
    bad: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """What nobody can ask."""
    expected: dict[str, str] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    clock_s: int = 0
    """How far the clock is off."""
    plans: list[Plan] = field(default_factory=list)

    @property
    def wall(self) -> int:
        return self.now + self.clock_s

    def open(self) -> list[Incident]:
        return [one for one in self.incidents if one.closed_at is None and not one.merged_into]

    def roots(self) -> list[str]:
        return sorted(str(one.root) for one in self.open())

    def of(self, key: str) -> list[Incident]:
        return [one for one in self.open() if key in one.members]

    def fail(self, *keys: str) -> None:
        self.bad |= set(keys)

    def mend(self, *keys: str) -> None:
        self.bad -= set(keys)

    def step(self, times: int = 1) -> None:
        """Look at everything, and take a turn, each `EVERY_S`."""
        for _ in range(times):
            self.now += EVERY_S
            for key in self.world.nodes:
                if key not in self.silent:
                    works = key not in self.bad
                    self.looks[key] = carried_on(self.looks.get(key), works, self.wall)
            self.turn()

    def moment(self) -> Moment:
        facts = {key: seen(self.looks.get(key), PACE, self.wall) for key in self.world.nodes}
        return Moment(self.world, facts, self.expected, self.wall)

    def turn(self) -> Plan:
        moment = self.moment()
        incidents = [
            Open(one.name, one.root, one.opened_at, dict(one.members), frozenset(one.ever))
            for one in self.open()
        ]
        made = plan(moment, incidents)
        self.plans.append(made)
        self._apply(made)
        return made

    def _apply(self, made: Plan) -> None:
        by = {one.name: one for one in self.incidents}
        for name, key, _ in made.restored:
            del by[name].members[key]
        for name, key in (*made.released, *made.gone):
            del by[name].members[key]
        for name, key, since in made.joined:
            by[name].members[key] = since
            by[name].ever.add(key)
        for name, into in made.merged.items():
            by[into].members |= by[name].members
            by[into].ever |= by[name].ever
            by[name].members, by[name].merged_into = {}, into
        for name, root in made.rerooted.items():
            by[name].root = root
        for name, at in made.closed.items():
            by[name].closed_at = at
        for one in made.opened:
            name = f"i{len(self.incidents) + 1}"
            self.incidents.append(
                Incident(name, one.root, one.opened_at, dict(one.members), set(one.members))
            )


def town(nodes: Iterable[Node], places: Iterable[Place] = ()) -> Town:
    """A town; sites that are not given are of one municipality, each with a provider of its own."""
    found = list(nodes)
    known = {place.key: place for place in places}
    for node in found:
        known.setdefault(node.site, Place(node.site, "08001", f"provider of {node.site}"))
    made = Town(World.of(found, list(known.values())))
    made.step(PACE.up)
    return made


def elsewhere(place: Place, municipality: str) -> Place:
    return replace(place, municipality=municipality)


def facts(made: Town) -> dict[str, Seen]:
    return dict(made.moment().seen)
