"""The nouns of admitting a citizen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class GatewayKind(StrEnum):
    """Which gateway stands at a site."""

    PLAZA = "plaza"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one tap gives: how long, and how many octets both ways; 0 = no cap."""

    name: str
    duration: timedelta
    octets: int = 0


@dataclass(frozen=True, slots=True)
class PortalSite:
    """What the portal knows of a site; the controller builds it. `gateway_key` signs arrivals and tickets."""

    key: str
    name: str
    municipality: str
    municipality_name: str
    zone: str
    languages: tuple[str, ...]
    plan: Plan
    gateway: GatewayKind
    gateway_url: str
    gateway_key: bytes

    def __repr__(self) -> str:
        return f"PortalSite({self.key!r})"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A phone the gateway vouches for.

    `device` is the gateway's keyed hash of its MAC, `binding` of MAC and IP: the portal never learns either.
    `stamp` is the gateway's own clock, opaque here and echoed in the ticket.
    """

    site: str
    device: str
    binding: str
    stamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket we issued that came back unused, with the fresh arrival of the same phone."""

    arrival: Arrival
    session: str
    language: str
    issued: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """A session that is not over: what bounds it and what it has used (octets in both directions)."""

    session: str
    expires_at: datetime
    octets_used: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to be online: `session` names the row in the store, `seconds` and `octets` bound it."""

    session: str
    seconds: int
    octets: int = 0


class RefusalReason(StrEnum):
    """Why a citizen is not let in; each has a sentence in the citizen's language."""

    SITE_CLOSED = "site-closed"
    NOT_RECOGNISED = "not-recognised"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A polite no."""

    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Redirect:
    """The phone carries the grant back to its gateway (style A)."""

    url: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one session has used so far; None is unknown, never zero."""

    session: str
    seconds: int | None
    octets_down: int | None
    octets_up: int | None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """What a gateway tells through its sync; it has no clock to trust, so `age_s` is how long ago it was.

    `kind` is opened | usage | closed; `id` is unique per site, so a re-sent event changes nothing.
    """

    id: str
    kind: str
    session: str
    age_s: int
    seconds: int | None = None
    octets_down: int | None = None
    octets_up: int | None = None
    cause: str = ""


class Gateway(Protocol):
    """The portal's side of one kind of gateway: stateless, one instance per site."""

    def read(self, query: str) -> Arrival:
        """The arrival in the query string of a phone's first request. Raises ArrivalInvalid."""
        ...

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect:
        """How the phone gets its grant to the gateway; `language` comes back with it to the page after."""
        ...

    def renew(self, query: str) -> Ticket:
        """A ticket that was too old for its gateway. Raises ArrivalInvalid."""
        ...
