"""Which devices are changed as one, and whose answer a change must not cost."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controller.model import Inventory
from drivers.model import Lifecycle


@dataclass(frozen=True, slots=True)
class Together:
    """One device, or both ends of a radio link with the far one first.

    `far` is the end that is not changed with its near one and must answer over the link before that stays;
    "" where there is none. A far end that is changed alone needs nobody else: its own new login, without
    which it is not confirmed, goes over the link.
    """

    devices: tuple[str, ...]
    far: str = ""


def together(names: Sequence[str], inventory: Inventory) -> tuple[Together, ...]:
    """Each name once, in this order. An end that is not in use is neither changed nor asked."""
    near_of, named = _in_use(inventory), set(names)
    far_of = {near: far for far, near in near_of.items()}
    found = dict[str, Together]()
    for name in names:
        far = name if name in near_of else far_of.get(name, "")
        both = (far, near_of.get(far, ""))
        if named.issuperset(both):
            found.setdefault(far, Together(both))
        else:
            found[name] = Together((name,), far if name != far else "")
    return tuple(found.values())


def other_ends(names: Collection[str], inventory: Inventory) -> frozenset[str]:
    """The ends that are joined with these."""
    near_of = _in_use(inventory)
    return frozenset(
        {near for far, near in near_of.items() if far in names}
        | {far for far, near in near_of.items() if near in names}
    )


def near_ends(links: Mapping[str, str], parents: Mapping[str, str]) -> dict[str, str]:
    """The near end of each radio link by its far end, which has it for its parent.

    `links` has what each device writes, "" for nothing: either end may name the other. A device is in one
    link: the inventory's check refuses a second.
    """
    pairs = {(name, other) for name, other in links.items() if other in links}
    found: dict[str, str] = {}
    for far, near in sorted(pairs | {(near, far) for far, near in pairs}):
        taken = {*found, *found.values()}
        if parents.get(far) == near and taken.isdisjoint((far, near)):
            found[far] = near
    return found


def _in_use(inventory: Inventory) -> dict[str, str]:
    unused = {Lifecycle.EXPECTED, Lifecycle.RETIRED}
    devices = {name: device for name, device in inventory.devices.items() if device.state not in unused}
    links = {name: device.link for name, device in devices.items()}
    return near_ends(links, {name: device.parent for name, device in devices.items()})
