"""The order of a rollout: a canary of each model, then growing shares, leaves before their parents."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from controller import links
from controller.rollouts.order import Network, all_behind
from controller.rollouts.seam import Group, Member, Policy, Wave

CANARY: Final = "canary"
"""How the names of those waves begin in which every device is the first of its model."""

_NAMED: Final = 3
_ROUNDING: Final = 1e-9


def plan(members: Sequence[Member], of: Network, policy: Policy) -> tuple[Wave, ...]:
    """Every member exactly once; the same for the same members in any order.

    A device stands after all members behind it, in its wave or an earlier one, also where the way between
    them leads through devices that are no members. The first device of each model stands in a wave of first
    devices only, before every other of its model: at once where nothing behind it waits, else as soon as
    what lies behind it is done. Of a model's devices the first is the one with the least behind it, and not
    at a site that has one already if there is another. The rest follows site by site, the small ones first,
    until each of the policy's shares of all members is reached.
    """
    waiting = _leaves_first(_groups(members, of), of)
    done: set[str] = set()
    known: set[str] = set()
    waves: list[Wave] = []
    while waiting:
        chosen = _firsts(waiting, done, known)
        if chosen:
            name = _canary_name(chosen, known)
        else:
            name, limit = _next_share(policy.shares, len(done), len(members))
            chosen = _up_to(limit, waiting, done, known)
        waves.append(Wave(name, tuple(node.group for node in chosen)))
        done.update(device for node in chosen for device in node.group.devices)
        known.update(model for node in chosen for model in node.models)
        waiting = [node for node in waiting if node.group.devices[0] not in done]
    return tuple(waves)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A group in the tree of groups.

    `behind` counts the devices of the inventory behind it; `below` are the members that must be done before
    it, `size` the members of its branch with its own.
    """

    group: Group
    models: frozenset[str]
    sites: frozenset[str]
    behind: int
    below: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Of the end through which everything behind it is reached."""
        return self.group.devices[-1]

    @property
    def size(self) -> int:
        """How many members its branch has."""
        return len(self.below) + len(self.group.devices)


def _groups(members: Sequence[Member], of: Network) -> dict[str, _Node]:
    """A node for every group, under the names of all its devices."""
    known = {member.device: member for member in members}
    near_ends = links.near_ends({name: each.link for name, each in known.items()}, of.parents)
    counts = all_behind(of)
    found: dict[str, _Node] = {}
    for name in sorted(known.keys() - near_ends.values()):
        devices = (name, near_ends[name]) if name in near_ends else (name,)
        ends = [known[device] for device in devices]
        node = _Node(
            Group(devices, ends[0].site),
            frozenset(end.model for end in ends),
            frozenset(end.site for end in ends),
            counts.get(devices[-1], 0) - len(devices) + 1,
        )
        found.update(dict.fromkeys(devices, node))
    return found


def _leaves_first(nodes: Mapping[str, _Node], of: Network) -> list[_Node]:
    """Every group after all that lie behind it; branch by branch, the small ones first."""
    children: dict[str, list[_Node]] = {}
    for node in dict.fromkeys(nodes.values()):
        over = list(dict.fromkeys(nodes[name] for name in of.above(node.name) if name in nodes))
        for each in over:
            each.below.update(node.group.devices)
        children.setdefault(over[0].name if over else "", []).append(node)
    order: list[_Node] = []
    stack = _by_size(children.get("", ()))
    while stack:
        order.append(stack.pop())
        stack += _by_size(children.get(order[-1].name, ()))
    return order[::-1]


def _by_size(nodes: Iterable[_Node]) -> list[_Node]:
    return sorted(nodes, key=lambda node: (node.size, node.name))


def _firsts(waiting: Sequence[_Node], done: AbstractSet[str], known: AbstractSet[str]) -> list[_Node]:
    """The first device of each model that nobody has seen changed, where nothing behind it waits.

    There is always one, or a group that `_up_to` takes: the group with the least behind it waits for nobody.
    """
    chosen: list[_Node] = []
    for model in _unknown(waiting, known):
        begun = {each for node in chosen for each in node.models}
        best = _first_of(model, waiting, {site for node in chosen for site in node.sites})
        if best.below <= done and begun.isdisjoint(best.models):
            chosen.append(best)
    return chosen


def _first_of(model: str, waiting: Sequence[_Node], taken: AbstractSet[str] = frozenset()) -> _Node:
    """With the least behind it, then at a site that is not taken."""
    return min(
        (node for node in waiting if model in node.models),
        key=lambda node: (node.behind, len(node.group.devices), not taken.isdisjoint(node.sites)),
    )


def _unknown(waiting: Sequence[_Node], known: AbstractSet[str]) -> list[str]:
    return sorted({model for node in waiting for model in node.models} - known)


def _up_to(
    limit: int, waiting: Sequence[_Node], done: AbstractSet[str], known: AbstractSet[str]
) -> list[_Node]:
    """As many groups of known models as bring the number of members to the limit, but at least one.

    What lies behind a canary goes first, so that no model's canary comes late.
    """
    wanted = set[str]().union(*(_first_of(model, waiting).below for model in _unknown(waiting, known)))
    chosen: list[_Node] = []
    reached = set(done)
    for node in sorted(waiting, key=lambda node: node.name not in wanted):
        if node.models <= known and node.below <= reached:
            if chosen and len(reached) + len(node.group.devices) > limit:
                break
            chosen.append(node)
            reached.update(node.group.devices)
    return chosen


def _next_share(shares: Sequence[float], done: int, all_of_them: int) -> tuple[str, int]:
    """The first share that is not reached yet, for a person and in members."""
    for share in sorted(shares):
        limit = int(share * all_of_them + _ROUNDING)
        if done < limit < all_of_them:
            return f"{share * 100:g} %", limit
    return "all", all_of_them


def _canary_name(chosen: Sequence[_Node], known: AbstractSet[str]) -> str:
    """The first wave needs no more; a later one says which models had to wait for what lies behind them."""
    models = sorted({model for node in chosen for model in node.models} - known)
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return f"{CANARY}: {', '.join(models[:_NAMED])}{more}" if known else CANARY
