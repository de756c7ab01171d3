"""One turn over all incidents: who is back, what is mended, who joins, what is opened, merged, closed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from controller.incidents.model import (
    RANK,
    SERVICE,
    UNSEEN,
    Fact,
    Open,
    Opening,
    Plan,
    Reach,
    Root,
)
from controller.incidents.moment import Moment
from controller.incidents.roots import Darkness, together_s
from controller.incidents.silence import with_pollers

SETTLE_S: Final = 180
"""Who is still down so long after its root was mended is so for a reason of its own."""
_SHARED: Final = frozenset({Reach.UPLINK, Reach.MUNICIPALITY, Reach.PROVIDER, Reach.PORTAL})


@dataclass
class _Turn:
    moment: Moment
    left: dict[str, dict[str, int]] = field(default_factory=dict)  # by incident, members that stay in it
    restored: list[tuple[str, str, int]] = field(default_factory=list)
    released: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    mended: set[str] = field(default_factory=set)


def spread(moment: Moment, darkness: Darkness) -> dict[str, str]:
    """Why each node is expected to be down: by itself, or because it hangs on something that is."""
    found = dict(moment.expected)
    for key, seen in moment.seen.items():
        if seen.fact is Fact.BAD and key not in found:
            above = next((one for one in darkness.path(key)[1:] if one in moment.expected), "")
            if above:
                found[key] = f"it hangs on {above}: {moment.expected[above]}"
    return found


def plan(moment: Moment, incidents: Sequence[Open]) -> Plan:
    """What changes now; nothing at all where nothing happened."""
    of_pollers = [one for one in incidents if one.root.reach is Reach.POLLER]
    made = _of_nodes(moment, [one for one in incidents if one.root.reach is not Reach.POLLER])
    return with_pollers(made, moment, of_pollers) if moment.pollers or of_pollers else made


def _of_nodes(moment: Moment, incidents: Sequence[Open]) -> Plan:
    turn = _Turn(moment)
    for incident in incidents:
        _mend(turn, incident)
    held = {key: since for left in turn.left.values() for key, since in left.items()}
    darkness = Darkness(moment.world, moment.seen, held, frozenset(moment.expected))
    _keep(turn, incidents, darkness)
    held = {key: since for left in turn.left.values() for key, since in left.items()}
    expected = spread(moment, darkness)
    fresh = [key for key in moment.seen if moment.is_down(key) and key not in held and key not in expected]
    if not (fresh or turn.restored or turn.released or turn.gone or any(not m for m in turn.left.values())):
        return Plan()
    return _Grouping(turn, incidents, darkness).plan(fresh)


def _mend(turn: _Turn, incident: Open) -> None:
    """Tell apart who works again, who is gone, and who is down though the root was mended."""
    moment = turn.moment
    left: dict[str, int] = {}
    for key, since in incident.members.items():
        if key not in moment.world.nodes:
            turn.gone.append((incident.name, key))
        elif moment.is_back(key):
            turn.restored.append((incident.name, key, moment.fact(key).since))
        else:
            left[key] = since
    if left and (mended_at := _mended_at(moment, incident)) is not None:
        turn.mended.add(incident.name)
        for key in [key for key in left if _is_on_its_own(moment, key, mended_at)]:
            del left[key]
            turn.released.append((incident.name, key))
    turn.left[incident.name] = left


def _keep(turn: _Turn, incidents: Sequence[Open], darkness: Darkness) -> None:
    """Whom the same root still keeps down is not released: part of what hangs on it came back, no more."""
    known = {one.name: one for one in incidents}
    for name, key in list(turn.released):
        if darkness.root_of(key) == known[name].root:
            turn.released.remove((name, key))
            turn.left[name][key] = known[name].members[key]
            turn.mended.discard(name)


def _is_on_its_own(moment: Moment, key: str, mended_at: int) -> bool:
    return moment.is_down(key) and abs(moment.fact(key).checked_at - mended_at) >= SETTLE_S


def _mended_at(moment: Moment, incident: Open) -> int | None:
    """When the root of an incident came back; None while it is what keeps its members down."""
    root, world = incident.root, moment.world
    back = {key: moment.fact(key).since for key in incident.ever if moment.is_back(key)}
    if root.reach is Reach.DEVICE and (root.key in incident.ever or moment.is_back(root.key)):
        if root.key not in world.nodes:
            return moment.now - 10 * SETTLE_S
        return moment.fact(root.key).since if moment.is_back(root.key) else None
    if root.reach is Reach.SERVICE or not back:
        return None
    if root.reach not in _SHARED:
        return max(back.values())
    places = {world.nodes[key].site for key in incident.ever if key in world.nodes}
    mended = {world.nodes[key].site for key in back}
    return max(back.values()) if 2 * len(mended) > len(places) else None


@dataclass
class _Grouping:
    """Puts who went down into incidents: those that explain it, else new ones, wider roots first."""

    turn: _Turn
    incidents: Sequence[Open]
    darkness: Darkness
    joined: list[tuple[str, str, int]] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    rerooted: dict[str, Root] = field(default_factory=dict)

    def plan(self, fresh: Sequence[str]) -> Plan:
        """The whole turn, given who is down and in no incident."""
        groups: dict[Root, list[str]] = {}
        for key in fresh:
            incident = self._explaining(key)
            if incident is None:
                groups.setdefault(self.darkness.root_of(key), []).append(key)
            else:
                self._join(incident, key)
        blocks = self._lifted() if groups else {}
        placed = [self._place(root, keys, blocks.pop(root, [])) for root, keys in groups.items()]
        for root, names in blocks.items():
            self._merge(root, self._unmerged(root, names))
        return Plan(
            opened=tuple(one for one in placed if one is not None),
            joined=tuple(self.joined),
            restored=tuple(self.turn.restored),
            released=tuple(self.turn.released),
            gone=tuple(self.turn.gone),
            merged=self.merged,
            rerooted=self.rerooted,
            closed=self._closed(),
        )

    # Joining

    def _explaining(self, key: str) -> Open | None:
        """The open incident that a node belongs to by what it hangs on."""
        path = self.darkness.path(key)
        for incident in self.incidents:
            if incident.name in self.turn.mended or not self.turn.left[incident.name]:
                continue
            left = self.turn.left[incident.name]
            if any(one in left for one in path[1:]) or self._is_under(incident.root, path):
                return incident
        return None

    def _is_under(self, root: Root, path: Sequence[str]) -> bool:
        world, top = self.darkness.world, path[-1]
        if root.reach is Reach.DEVICE:
            return root.key in path
        if root.reach is Reach.SUPPLY:
            return any(world.nodes[one].power == root.key for one in path)
        if root.reach is Reach.SERVICE:
            return path == [SERVICE + root.key]
        if root.reach is Reach.PORTAL:
            return top.startswith(SERVICE)
        site = world.nodes[top].site
        return world.within(root, site) and self.darkness.site_is_dark(site)

    def _join(self, incident: Open, key: str) -> None:
        since = self._since(key)
        self.joined.append((incident.name, key, since))
        self.turn.left[incident.name][key] = since

    def _since(self, key: str) -> int:
        return min(self.darkness.since(key), self.turn.moment.now)

    # Opening and merging

    def _place(self, root: Root, keys: Sequence[str], names: Sequence[str]) -> Opening | None:
        """A new incident, unless there is one of this root, or one that turns out to be part of it."""
        if incident := self._merge(root, self._unmerged(root, names)):
            for key in keys:
                self._join(incident, key)
            return None
        members = {key: self._since(key) for key in keys}
        top = self.darkness.seen.get(root.key, UNSEEN)
        if root.reach is Reach.DEVICE and top.fact is Fact.BAD and root.key not in self._held():
            members[root.key] = self._since(root.key)  # the root itself, though not sure yet
        return Opening(root, min(members.values()), members)

    def _held(self) -> set[str]:
        return {key for left in self.turn.left.values() for key in left}

    def _unmerged(self, root: Root, names: Collection[str]) -> list[Open]:
        """These of the incidents and that of the root, the oldest first, without what went elsewhere."""
        found = [
            one
            for one in self.incidents
            if (one.root == root or one.name in names) and one.name not in self.merged
        ]
        return sorted(found, key=lambda one: (one.opened_at, one.name))

    def _merge(self, root: Root, found: Sequence[Open]) -> Open | None:
        """Make one incident of several, the oldest of them, with the wider root."""
        if not found:
            return None
        into = next((one for one in found if one.root == root), found[0])
        if into.root != root:
            self.rerooted[into.name] = root
        for one in found:
            if one is not into:
                self.merged[one.name] = into.name
                self.turn.left[into.name].update(self.turn.left[one.name])
                self.turn.left[one.name] = {}
        return into

    def _lifted(self) -> dict[Root, list[str]]:
        """Open incidents whose root turns out to hang on something wider that went at the same time."""
        found: dict[Root, list[str]] = {}
        for incident in self.incidents:
            root = self._wider(incident)
            if root is not None:
                found.setdefault(root, []).append(incident.name)
        return found

    def _wider(self, incident: Open) -> Root | None:
        left = self.turn.left[incident.name]
        if not left or incident.name in self.turn.mended:
            return None
        first = incident.root.key if incident.root.key in left else min(left)
        root = self.darkness.root_of(first)
        if root == incident.root or RANK[root.reach] < RANK[incident.root.reach]:
            return None
        if abs(self._began(root, first) - incident.opened_at) > together_s(root.reach):
            return None
        return root if all(self.darkness.world.explains(root, key) for key in left) else None

    def _began(self, root: Root, member: str) -> int:
        known = root.reach is Reach.DEVICE and root.key in self.darkness.world.nodes
        return self.darkness.since(root.key if known else self.darkness.path(member)[-1])

    # Closing

    def _closed(self) -> dict[str, int]:
        """Incidents without anybody left, and when they ended: with the last that came back."""
        moment = self.turn.moment
        ended: dict[str, int] = {}
        for one in self.incidents:
            if not self.turn.left[one.name] and one.name not in self.merged:
                back = [moment.fact(key).since for key in one.ever if moment.is_back(key)]
                ended[one.name] = min(max(back, default=moment.now), moment.now)
        return ended
