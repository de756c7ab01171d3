"""The nouns of admitting a citizen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class GatewayKind(StrEnum):
    """Which gateway stands at a site."""

    PLAZA = "plaza"
    OPENNDS = "opennds"
    COOVACHILLI = "coovachilli"
    USPOT = "uspot"
    MIKROTIK = "mikrotik"
    CISCO_WLC = "cisco_wlc"
    ARUBA_INSTANT = "aruba_instant"
    RUCKUS_ZD = "ruckus_zd"
    RUCKUS_SMARTZONE = "ruckus_smartzone"
    CAMBIUM = "cambium"
    UNIFI = "unifi"
    OMADA = "omada"
    MERAKI = "meraki"
    RADIUS = "radius"


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
class Phone:
    """A phone's addresses in clear: only for a gateway that cannot be told otherwise, only while it must be.

    `mac` is six lower-case octets with colons; `ip` may be empty. Neither shows in a repr.
    """

    mac: str = field(repr=False)
    ip: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A phone at the portal's door.

    `device` is a keyed hash of its MAC, `binding` of MAC and IP. From our own gateway the portal learns
    neither address; other kinds tell them, in `phone`. `stamp` is the gateway's own clock, opaque here and
    echoed in the ticket. `carried` is what its kind's `admit` needs of the arrival, by the gateway's names.
    """

    site: str
    device: str
    binding: str
    stamp: str
    nonce: str
    phone: Phone | None = None
    carried: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


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
    """The phone carries the grant back to its gateway with a GET (style A)."""

    url: str


@dataclass(frozen=True, slots=True)
class PostForm:
    """The phone POSTs the grant to its gateway (style B): these hidden fields, in this order."""

    url: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The gateway's controller was told and agreed: the phone is online now (style C)."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The gateway asks us, or was asked, and the phone is online in a moment (style D): look again then."""

    again_s: int = 2


Answer = Redirect | PostForm | Done | Pending


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session that a gateway enforces, with what it is known by there."""

    session: str
    phone: Phone


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
    """The portal's side of one kind of gateway, one instance per site. It keeps nothing between two calls."""

    def read(self, query: str) -> Arrival:
        """The arrival in the query string of a phone's first request. Raises ArrivalInvalid."""
        ...

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Answer:
        """How the gateway learns of the grant; `language` comes back with the phone where the kind can.

        Raises GatewayFailed when a controller had to be asked and did not agree.
        """
        ...

    def dismiss(self, admitted: Admitted) -> bool:
        """End a session; False where this kind is not told but asks, like ours. Raises GatewayFailed."""
        ...

    def account(self, admitted: Sequence[Admitted]) -> Sequence[Usage] | None:
        """What they have used, by its controller; None where the kind reports by itself or not at all.

        Raises GatewayFailed.
        """
        ...


class Renewing(Gateway, Protocol):
    """A gateway whose tickets grow old on the way."""

    def renew(self, query: str) -> Ticket:
        """A ticket that was too old for its gateway. Raises ArrivalInvalid."""
        ...
