"""Why something may be down without anybody having to come: announced, in a window, by our own hand."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from controller.incidents.model import POLLER, SERVICE
from controller.incidents.world import World
from controller.journal import OPEN, State
from controller.model import Site

AFTER_S: Final = 600
"""So long after a change of ours a device may still be starting."""
_MAY_BE_AWAY: Final = frozenset({State.CONFIRMED, State.ROLLED_BACK, State.VERIFIED})


@dataclass(frozen=True, slots=True)
class Announced:
    """An outage that somebody announced for a site or a municipality; times in epoch seconds."""

    name: str
    place: str
    start_at: int
    until: int
    why: str
    author: str
    cancelled_at: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it is on."""
        return self.cancelled_at is None and self.start_at <= now < self.until


@dataclass(frozen=True, slots=True)
class Changed:
    """The last step of a rollout at a device."""

    device: str
    state: State
    updated_at: int
    deadline_at: int | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of windows and changes; in the `emergencies` are municipalities whose doors are open."""

    sites: Mapping[str, Site]
    announced: Collection[Announced] = ()
    changed: Collection[Changed] = ()
    emergencies: frozenset[str] = field(default_factory=frozenset)


def expected(world: World, known: Circumstances, moment: datetime) -> dict[str, str]:
    """The nodes that may be down at an aware moment, and why; a poller, where all that it asks is announced.

    Closed hours are no reason for a device to be down, only for a site to serve nobody; in an emergency not
    even that.
    """
    now = int(moment.timestamp())
    announced = _announced(world, known.announced, now)
    found = _by_the_clock(world, known, moment)
    found |= {one.device: "it is being changed by us" for one in known.changed if _is_under_way(one, now)}
    found = {key: why for key, why in (found | announced).items() if key in world.nodes}
    for name, devices in world.asked_by.items():
        if announced.keys() >= set(devices):
            found[POLLER + name] = announced[devices[0]]
    return found


def _by_the_clock(world: World, known: Circumstances, moment: datetime) -> dict[str, str]:
    """Windows of maintenance, and closed hours."""
    found: dict[str, str] = {}
    for site in known.sites.values():
        if site.maintenance is not None and site.maintenance.open_at(moment):
            found |= _everything(world, site.key, "its site's maintenance window is open")
    for key in world.services:
        site = known.sites[world.nodes[key].site]
        if not site.hours.open_at(moment) and site.municipality not in known.emergencies:
            found[key] = "the site is closed at this hour"
    return found


def _announced(world: World, outages: Iterable[Announced], now: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in outages:
        if one.holds(now):
            for place in _sites(world, one.place):
                found |= _everything(world, place, f"announced by {one.author}: {one.why}")
    return found


def _everything(world: World, site: str, why: str) -> dict[str, str]:
    return dict.fromkeys([*world.at.get(site, ()), SERVICE + site], why)


def _sites(world: World, place: str) -> Iterable[str]:
    if place in world.places:
        return (place,)
    return [one.key for one in world.places.values() if one.municipality == place]


def _is_under_way(change: Changed, now: int) -> bool:
    if change.state in OPEN and change.deadline_at is not None:
        return change.updated_at <= now < change.deadline_at + AFTER_S
    return change.state in OPEN | _MAY_BE_AWAY and 0 <= now - change.updated_at < AFTER_S
