"""The seam between deciding who is in and making it so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import UNLIMITED, Rate

SPENT_S = 3600
"""How long a spent nonce is remembered; the portal renews no ticket older than a quarter of that."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Where a session's octets end: `here` of those counted at its door, `total` of all; 0 is no cap."""

    here: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a door is open for: a session, for so many seconds from now, up to its ceiling, at its rate."""

    session: str
    seconds: int
    ceiling: Ceiling = Ceiling()
    rate: Rate = UNLIMITED


@dataclass(frozen=True, slots=True)
class Regime:
    """What holds for everybody who is in.

    `ipv6`: their IPv6 passes, all addresses of their MAC, counted and cut with their door; else none does.
    `filtered`: names are answered by a policy, so the encrypted ways to other resolvers stay refused.
    """

    ipv6: bool = False
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How one session stands: `seconds_left` is None when its door is shut; uncounted octets are None.

    `ceiling` is None where the door is shut, or was opened by a version that did not note it. `used_up`: the
    enforcer lets no more through, because the ceiling was reached.
    """

    phone: Phone | None
    seconds_left: int | None
    octets_up: int | None = None
    octets_down: int | None = None
    ceiling: Ceiling | None = None
    used_up: bool = False


class Enforcer(Protocol):
    """Opens doors that shut by themselves. Doors and spent nonces outlive this process.

    Every method raises EnforcerFailed when it could not be done (TableGone when the rules vanished).
    """

    @property
    def notice(self) -> str:
        """What an operator must know; empty when packets are really filtered."""
        ...

    @property
    def since(self) -> Moment:
        """From when on the memory of spent nonces is complete."""
        ...

    def start(self) -> None:
        """Shut everything, but keep the doors that are open and the nonces that are spent."""
        ...

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that uses this address on the guests' side now."""
        ...

    def spent(self, name: str) -> bool:
        """Whether `spend` or `admit` used this name within the last hour."""
        ...

    def spend(self, name: str) -> bool:
        """Use a name up; False when it was spent already."""
        ...

    def admit(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and open the door, both or neither; False when the nonce was spent."""
        ...

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and let an open door be open on these terms; its octets are counted on.

        Both or neither; False when the nonce was spent.
        """
        ...

    def close(self, session: str) -> None:
        """Shut the door of a session and forget what it used; nothing happens when there is none."""
        ...

    def govern(self, regime: Regime) -> None:
        """Have this hold from now on, also for doors that are open."""
        ...

    def open_to_all(self, seconds: int) -> None:
        """Let every guest through, without cap or rate, for so long by the kernel's own clock; 0 ends it."""
        ...

    def informed(self, phone: Phone) -> None:
        """This phone was shown the notice of the emergency: its plain HTTP passes from now on."""
        ...

    def survey(self) -> Mapping[str, Standing]:
        """Every session of which there is a trace, by its name."""
        ...
