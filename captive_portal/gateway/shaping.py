"""How fast one phone may be: a limit of its own, which the kernel keeps with its door.

The limit is an element of a set, as the door is: made, made anew and taken away in the same step, and it
expires with the door though this program be dead. What is over the rate is dropped, to which TCP slows down;
nothing is queued. The kernel lets a phone that was silent have what it saved within a second, and the burst.
nftables and not tc: a class of HTB expires never, and its modules are packages of their own on OpenWrt.
"""

from dataclasses import dataclass
from typing import Final

FASTEST_KBPS: Final = 10_000_000
BURST_OCTETS: Final = 65_536
"""The kernel joins a phone's packets to larger ones, up to this: a lesser burst would never let one pass."""

UP: Final = "slow_up"
DOWN: Final = "slow_down"
_OCTETS_PER_KBIT: Final = 125


@dataclass(frozen=True, slots=True)
class Rate:
    """The most that one phone may have, in kbit/s each way; 0 is no limit."""

    down_kbps: int = 0
    up_kbps: int = 0

    @property
    def sets(self) -> tuple[tuple[str, int], ...]:
        """The set of each direction, and its kbit/s."""
        return (UP, self.up_kbps), (DOWN, self.down_kbps)


UNLIMITED: Final = Rate()


def octets_per_s(kbps: int) -> int:
    """A rate as the kernel keeps it."""
    return kbps * _OCTETS_PER_KBIT
