"""Who waits for whom: what lies behind a device, and which groups may be changed now."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.journal import OPEN, State
from controller.model import Inventory
from controller.rollouts.seam import Group


@dataclass(frozen=True, slots=True)
class Network:
    """The parent ("" for none) and the site of every device of the inventory."""

    parents: Mapping[str, str]
    sites: Mapping[str, str]

    def above(self, device: str) -> Iterator[str]:
        """Every device that the way to this one leads through, from the nearest on."""
        seen = {device}
        name = self.parents.get(device, "")
        while name and name not in seen:
            seen.add(name)
            yield name
            name = self.parents.get(name, "")


def network(inventory: Inventory) -> Network:
    """The whole inventory, whatever a rollout's list holds of it."""
    devices = inventory.devices
    return Network(
        {name: device.parent for name, device in devices.items()},
        {name: device.site for name, device in devices.items()},
    )


def behind(of: Network, device: str) -> tuple[str, ...]:
    """The names of all devices whose parent chain leads through this one, sorted."""
    return tuple(sorted(name for name in of.parents if device in of.above(name)))


def all_behind(of: Network) -> dict[str, int]:
    """How many devices lie behind each device."""
    counts = dict.fromkeys(of.parents, 0)
    for name in of.parents:
        for above in of.above(name):
            counts[above] = counts.get(above, 0) + 1
    return counts


def stands_in_the_way(state: State, attempts: int) -> bool:
    """Whether a device keeps what lies above it from being changed: its turn is still to come, or it is on.

    Who was tried once in vain (`pending`) does not: it may be off for days, and the way to it is changed
    without it. Neither does a device that is held or failed, which nobody will change in this rollout unless
    a person asks for it.
    """
    return state is State.PLANNED or state in OPEN or (state is State.PENDING and attempts == 0)


def ready(
    waiting: Sequence[Group], running: Collection[str], unended: Collection[str], of: Network
) -> tuple[Group, ...]:
    """Which groups may start now, in the order of `waiting`; all of them at once, or only the first few.

    `running` are the devices that are being changed, `unended` those of the whole rollout that stand in the
    way of what lies above them (`stands_in_the_way`). Never two groups of one site at once, never a device
    while one above it or behind it is changed, and none before what lies behind it.
    """
    busy = set(running)
    sites = {of.sites[name] for name in running if name in of.sites}
    before = {name: set(of.above(name)) for name in {*unended, *running}}
    blocked = Counter(above for chain in before.values() for above in chain)
    found = []
    for group in waiting:
        inside = sum(name in before and group.devices[-1] in before[name] for name in group.devices)
        behind_it = blocked[group.devices[-1]] - inside
        if behind_it or sites & sites_of(group, of) or not busy.isdisjoint(of.above(group.devices[-1])):
            continue
        found.append(group)
        busy.update(group.devices)
        sites |= sites_of(group, of)
        blocked.update(above for name in group.devices if name not in before for above in of.above(name))
    return tuple(found)


def sites_of(group: Group, of: Network) -> set[str]:
    """The ends of a radio link may stand at two sites."""
    return {of.sites.get(name, group.site) for name in group.devices}
