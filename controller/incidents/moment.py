"""What one turn judges by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.incidents.model import POLLER, UNSEEN, Fact, Seen
from controller.incidents.world import World


@dataclass(frozen=True, slots=True)
class Moment:
    """What one turn judges by; `expected` says why a node may be down without anybody having to come."""

    world: World
    seen: Mapping[str, Seen]
    expected: Mapping[str, str]
    now: int
    pollers: Mapping[str, Seen] = field(default_factory=dict)
    """By its key, what is known of each poller without a store; what a silent one asks is not in `seen`."""

    def fact(self, key: str) -> Seen:
        """What is to be believed of a node, or of a poller."""
        return self.pollers.get(key, UNSEEN) if key.startswith(POLLER) else self.seen.get(key, UNSEEN)

    def silent_poller(self, device: str) -> str:
        """The poller that should ask a device and is silent; "" where there is none."""
        name = self.world.poller_of.get(device, "")
        return name if name and self.is_down(POLLER + name) else ""

    def is_down(self, key: str) -> bool:
        """Seen bad, and surely so."""
        seen = self.fact(key)
        return seen.fact is Fact.BAD and seen.sure

    def is_back(self, key: str) -> bool:
        """Seen good, and surely so."""
        seen = self.fact(key)
        return seen.fact is Fact.GOOD and seen.sure
