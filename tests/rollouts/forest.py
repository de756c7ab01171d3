"""Networks and rollouts of any shape, for properties."""

from dataclasses import dataclass

from hypothesis import strategies as st

from controller.rollouts.order import Network
from controller.rollouts.seam import Member


@dataclass(frozen=True)
class Forest:
    """An inventory's devices, and those of them that are to be changed."""

    of: Network
    members: tuple[Member, ...]

    def models(self) -> dict[str, str]:
        """Of the members."""
        return {member.device: member.model for member in self.members}

    def links(self) -> set[tuple[str, str]]:
        """The far and the near end of every radio link between members."""
        names = {member.device for member in self.members}
        ends = {(m.device, m.link) for m in self.members if m.link in names}
        return {(a, b) if self.of.parents[a] == b else (b, a) for a, b in ends}


@st.composite
def forests(draw: st.DrawFn, most: int = 14) -> Forest:
    """Any forest of parents over devices of any site and model, some of which are linked by radio."""
    number = draw(st.integers(1, most))
    names = draw(st.permutations([f"d{i:02}" for i in range(number)]))
    parents, links = {names[0]: ""}, dict[str, str]()
    linked: set[str] = set()
    for index, name in enumerate(names[1:], 1):
        parent = draw(st.sampled_from(("", *names[:index])))
        parents[name] = parent
        if parent and parent not in linked and draw(st.integers(0, 3)) == 0:
            linked |= {name, parent}
            writer, other = draw(st.permutations((name, parent)))
            links[writer] = other
    sites = {name: draw(st.sampled_from("PQRST")) for name in names}
    chosen = draw(st.sets(st.sampled_from(names), min_size=1))
    members = draw(st.permutations(sorted(chosen)))
    return Forest(
        Network(parents, sites),
        tuple(
            Member(name, sites[name], draw(st.sampled_from("ABCD")), parents[name], links.get(name, ""))
            for name in members
        ),
    )
