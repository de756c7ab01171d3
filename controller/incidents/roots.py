"""Finds what an outage hangs on: the highest thing that is down, or what several that went together share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from controller.incidents.model import SERVICE, UNSEEN, Fact, Reach, Root, Seen
from controller.incidents.world import World

_TOGETHER_S: Final = 600
_PROBED_S: Final = 2700
AT_ONCE_S: Final = 150
"""What one source feeds goes dark at once, as far as polls can tell."""
SHARE: Final = 0.8
"""So much of what is known must be dark for a shared cause."""
_FEW: Final[Mapping[Reach, int]] = {
    Reach.UPLINK: 2,
    Reach.MUNICIPALITY: 2,
    Reach.PROVIDER: 3,
    Reach.PORTAL: 2,
}


def together_s(reach: Reach) -> int:
    """What went dark within so long may have gone for one reason: the seldom asked are noticed late."""
    return _PROBED_S if reach is Reach.PORTAL else _TOGETHER_S


@dataclass(frozen=True)
class Darkness:
    """What is down at one moment: `held` are down as members of incidents, since when.

    What was seen bad counts even before it is sure, so that the first to be sure does not stand alone.
    """

    world: World
    seen: Mapping[str, Seen]
    held: Mapping[str, int]
    expected: frozenset[str] = frozenset()
    _dead: dict[str, bool | None] = field(default_factory=dict)
    _roots: dict[str, Root] = field(default_factory=dict)

    def is_dark(self, key: str) -> bool:
        """Whether it is down, or all that hangs on it is though nobody can ask it itself."""
        return self.dead(key) is True

    def dead(self, key: str) -> bool | None:
        """Down, up, or None where nobody knows."""
        if key not in self._dead:
            self._dead[key] = None  # whoever is on the way already says nothing
            self._dead[key] = self._judged(key)
        return self._dead[key]

    def since(self, key: str) -> int:
        """Since when it is dark; of what nobody can ask, since the last of what hangs on it."""
        if key in self.held:
            return self.held[key]
        seen = self.seen.get(key, UNSEEN)
        if seen.fact is Fact.BAD:
            return seen.since
        return max((self.since(child) for child in self._known_below(key)), default=0)

    def path(self, key: str) -> list[str]:
        """The node and every dark thing that it hangs on, one above the other."""
        path = [key]
        while (above := self._next(path[-1])) and above not in path:
            path.append(above)
        return path

    def root_of(self, key: str) -> Root:
        """What the outage of a dark node hangs on."""
        if key not in self._roots:
            self._roots[key] = self._root_of(key)
        return self._roots[key]

    def site_is_dark(self, site: str) -> bool:
        """Whether all its devices that are known are down, and one is known."""
        return self._dark_sites[site] is not None

    # What is known

    def _judged(self, key: str) -> bool | None:
        if key in self.held:
            return True
        fact = self.seen.get(key, UNSEEN).fact
        if fact is not Fact.UNKNOWN:
            return fact is Fact.BAD
        known = self._known_below(key)
        return True if len(known) > 1 and all(self.dead(one) for one in known) else None

    def _known_below(self, key: str) -> list[str]:
        return [one for one in self.world.below.get(key, ()) if self.dead(one) is not None]

    def _next(self, key: str) -> str:
        node = self.world.nodes[key]
        for above in (node.power, node.parent):
            if above in self.world.nodes and above != key and self.is_dark(above):
                return above
        if node.is_service and self.site_is_dark(node.site):
            return min(one for one in self.world.at[node.site] if self.is_dark(one))
        return ""

    # Roots

    def _root_of(self, key: str) -> Root:
        path = self.path(key)
        above = self._next(path[-1])
        # of those that feed each other any one will do, as long as it is always the same
        top = min(path[path.index(above) :]) if above else path[-1]
        if top != key:
            return self.root_of(top)
        if top.startswith(SERVICE):
            return self._shared_portal(top) or Root(Reach.SERVICE, top.removeprefix(SERVICE))
        site = self.world.nodes[top].site
        return (
            self._shared_line(site)
            or self._shared_supply(top)
            or self._shared_site(site)
            or Root(Reach.DEVICE, top)
        )

    def _shared_supply(self, top: str) -> Root | None:
        """Everything that one source feeds went at once, though it answers itself, or says nothing."""
        source = self.world.nodes[top].power
        known = [one for one in self.world.fed.get(source, ()) if self.dead(one) is not None]
        if source not in self.world.nodes or len(known) < 2 or not all(self.is_dark(one) for one in known):
            return None
        times = [self.since(one) for one in known]
        return Root(Reach.SUPPLY, source) if max(times) - min(times) <= AT_ONCE_S else None

    def _shared_site(self, site: str) -> Root | None:
        if self._dark_sites[site] is None:
            return None
        tops = {self.path(one)[-1] for one in self.world.at[site] if self.is_dark(one)}
        return Root(Reach.SITE, site) if len(tops) > 1 else None

    def _shared_portal(self, top: str) -> Root | None:
        known = {
            key: self.since(key) if self.is_dark(key) else None
            for key in self.world.services
            if self.dead(key) is not None and self.path(key)[-1] == key
        }
        return Root(Reach.PORTAL, "") if self._together(known, known.get(top), Reach.PORTAL) else None

    def _shared_line(self, site: str) -> Root | None:
        """What a site's darkness has in common with that of others, the widest first."""
        began = self._dark_sites[site]
        if began is None:
            return None
        for root in self.world.lines(site):
            known = {one: self._dark_sites[one] for one in self.world.sites_on(root) if self._tells(one)}
            if self._together(known, began, root.reach):
                return root
        return None

    def _together(self, known: Mapping[str, int | None], began: int | None, reach: Reach) -> bool:
        """Whether enough went dark at about the same time; what did so long before tells nothing."""
        if began is None:
            return False
        away_s = [abs(at - began) for at in known.values() if at is not None]
        now = [one for one in away_s if one <= together_s(reach)]
        earlier = len(away_s) - len(now)
        return len(now) >= _FEW[reach] and len(now) >= SHARE * (len(known) - earlier)

    # Sites

    @cached_property
    def _dark_sites(self) -> dict[str, int | None]:
        """Since when each site is dark, None where it is not, or where nobody knows."""
        return {site: self._dark_since(devices) for site, devices in self.world.at.items()}

    def _dark_since(self, devices: Iterable[str]) -> int | None:
        facts = {key: self.dead(key) for key in devices}
        dark = [key for key, fact in facts.items() if fact]
        if not dark or any(fact is False for fact in facts.values()):
            return None
        return max(self.since(key) for key in dark)

    def _tells(self, site: str) -> bool:
        """Whether a site is a sign for or against a shared line: known, and dark by itself if at all."""
        if not any(self.dead(key) is not None for key in self.world.at[site]):
            return False
        dark = [key for key in self.world.at[site] if self.is_dark(key)]
        if self._dark_sites[site] is None:
            return True
        return not self.expected.issuperset(dark) and any(
            self.world.nodes[self.path(key)[-1]].site == site for key in dark
        )
