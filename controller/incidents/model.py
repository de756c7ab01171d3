"""The nouns of incidents: what was seen, what hangs on what, the root of an outage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from drivers.model import Role

SERVICE: Final = "service:"
"""What the key of a site's service begins with; no device has a colon in its name."""
POLLER: Final = "poller:"
"""What the key of a poller without a store begins with."""


class Cause(StrEnum):
    """What kind of thing failed."""

    POWER = "power"
    BACKHAUL = "backhaul"
    DEVICE = "device"
    POLLER = "poller"  # what asks for us is silent: nothing is known of what it asks
    UNKNOWN = "unknown"


class Fact(StrEnum):
    """What the last look at something said; what is too old, or could not be tried, is unknown."""

    BAD = "bad"
    GOOD = "good"
    UNKNOWN = "unknown"


class Reach(StrEnum):
    """What kind of thing the root of an outage is, from the smallest to the widest."""

    SERVICE = "service"  # citizens are not served at a site whose devices answer
    DEVICE = "device"
    SUPPLY = "supply"  # everything that one source feeds, which itself says nothing of it
    SITE = "site"  # its line or its mains: no device of the site answers
    PORTAL = "portal"  # what all sites' services share
    UPLINK = "uplink"  # one provider's lines in one municipality
    MUNICIPALITY = "municipality"
    PROVIDER = "provider"  # one provider's lines in several municipalities
    POLLER = "poller"  # a poller without a store lands nothing


RANK: Final[Mapping[Reach, int]] = {reach: rank for rank, reach in enumerate(Reach)}


@dataclass(frozen=True, slots=True, order=True)
class Root:
    """What an outage hangs on.

    `key` is a device, a site, a municipality, a provider, MUN/PROVIDER, the name of a poller, or "".
    """

    reach: Reach
    key: str

    def __str__(self) -> str:
        return f"{self.reach} {self.key}" if self.key else str(self.reach)


@dataclass(frozen=True, slots=True)
class Seen:
    """A fact with its run: `sure` once it was seen often enough in a row; times in epoch seconds.

    `since` is when the run began, reckoned so that a clock that was set meanwhile does no harm.
    """

    fact: Fact
    sure: bool = False
    since: int = 0
    checked_at: int = 0
    reason: str = ""
    degraded: bool = False
    sure_at: int = 0
    """When it was, or will be, seen often enough, if it stays so."""


UNSEEN: Final = Seen(Fact.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Node:
    """A device, or the service of a site (`role` None): what it hangs on in the network and for power."""

    key: str
    site: str
    role: Role | None = Role.AP
    parent: str = ""
    power: str = ""
    port: str = ""

    @property
    def is_service(self) -> bool:
        """Whether it is what citizens meet at a site, not a device."""
        return self.role is None


@dataclass(frozen=True, slots=True)
class Place:
    """A site as far as outages go."""

    key: str
    municipality: str
    provider: str


@dataclass(frozen=True, slots=True)
class Open:
    """An incident that is not closed: `members` still in it, with since when; `ever` all it ever had."""

    name: str
    root: Root
    opened_at: int
    members: Mapping[str, int]
    ever: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opening:
    """An incident to be."""

    root: Root
    opened_at: int
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one turn changes; pairs are (incident, node key) and, where it matters, epoch seconds.

    `restored` work again; `released` are still down though their root was mended, and begin anew elsewhere;
    `gone` are no more in the inventory. `merged` says into which incident another one went.
    """

    opened: tuple[Opening, ...] = ()
    joined: tuple[tuple[str, str, int], ...] = ()
    restored: tuple[tuple[str, str, int], ...] = ()
    released: tuple[tuple[str, str], ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    rerooted: Mapping[str, Root] = field(default_factory=dict)
    closed: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.opened
            or self.joined
            or self.restored
            or self.released
            or self.gone
            or self.merged
            or self.rerooted
            or self.closed
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was found, or is missing: a code of controller.incidents.words and its figures."""

    code: str
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """The class of an outage and why."""

    cause: Cause
    evidence: tuple[Evidence, ...]
