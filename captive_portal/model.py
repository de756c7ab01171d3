"""The nouns of admitting a citizen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from captive_portal.gateway.monthly import Mark
from captive_portal.local import PLAIN, Local


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


TELLS_NO_ADDRESS: Final = frozenset({GatewayKind.PLAZA})
"""The kinds whose arrivals name no address, so that nothing can be kept of one."""


NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one tap gives: how long, and how many octets both ways; 0 = no cap.

    `daily` is how long one device may be online in a day of the daily key, all its sessions together; zero =
    no limit. Rates are of one device. `devices` is how many may have a session at its site at a time, 0 = any
    number. No session lasts beyond `until`, when the site closes.
    """

    name: str
    duration: timedelta
    octets: int = 0
    down_kbps: int = 0
    up_kbps: int = 0
    daily: timedelta = timedelta(0)
    devices: int = 0
    until: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that a site shares with our own gateway there.

    `names` makes pseudonyms, signs policies and seals what is stored, and is always the same. What travels is
    signed with `signing`: the key of `epoch` first, then of the one before, which counts until the next.
    """

    names: bytes = field(repr=False)
    epoch: int = 0
    signing: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.signing:
            object.__setattr__(self, "signing", (self.names,))

    def of(self, epoch: int) -> bytes | None:
        """The signing key of an epoch; None where that is not, or no longer, believed."""
        return dict(self.by_epoch()).get(epoch)

    def by_epoch(self) -> list[tuple[int, bytes]]:
        """Each epoch that is believed with its signing key, the current one first."""
        return [(self.epoch - back, key) for back, key in enumerate(self.signing)]


@dataclass(frozen=True, slots=True)
class Wiring:
    """One site's gateway, as the inventory tells.

    `key` is the site's own, from which pseudonyms and one-time passwords are made; `epoch` and `signing` are
    of `keys`, by which tokens are signed that phones carry. `hosts` are the names and
    addresses (`host` or `host:port`, lower case) under which its APs or controller may be named by a phone:
    nothing else is redirected to or called. `secret` is what gateway and portal share (faskey, uamsecret, API
    key or password); `user` goes with it where the kind has one. `api_url` is the controller's base address,
    or our own gateway's; `api_site` the site's name there, `fingerprint` its certificate's SHA-256 where no
    public CA signed it; `variant` tells apart two ways of one kind.
    `landing` is the page of ours where a phone ends up, whatever its query says; `portal_url` the one where
    it arrives, without a query, letter for letter as the gateway is told it: UAM signs it.
    """

    site: str
    kind: GatewayKind
    key: bytes = field(repr=False)
    landing: str
    hosts: frozenset[str] = frozenset()
    secret: bytes = field(default=b"", repr=False)
    user: str = ""
    api_url: str = ""
    api_site: str = ""
    fingerprint: str = ""
    variant: str = ""
    portal_url: str = ""
    epoch: int = 0
    signing: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def keys(self) -> Keys:
        """The site's keys by their epoch."""
        return Keys(self.key, self.epoch, self.signing)


@dataclass(frozen=True, slots=True)
class PortalSite:
    """What the portal knows of a site; the controller builds it.

    `wiring` is its gateway, whose `key` signs arrivals and tickets; `gateway_url` is an address that the
    gateway answers or intercepts: where a phone starts again. `vouchers`: here a tap takes a voucher's
    code; `voucher_key` is its municipality's, under which codes are hashed.
    """

    key: str
    name: str
    municipality: str
    municipality_name: str
    zone: str
    languages: tuple[str, ...]
    plan: Plan
    gateway_url: str
    wiring: Wiring
    local: Local = PLAIN
    vouchers: bool = False
    voucher_key: bytes = field(default=b"", repr=False)

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
    `session` is the one that our own gateway says this phone is in, "" when it is outside; `epoch` that of
    the key by which it was believed, with which its ticket is signed. `mark` is what our own gateway counts
    the phone by this month, None where it has no key for that.
    """

    site: str
    device: str
    binding: str
    stamp: str
    nonce: str
    phone: Phone | None = None
    carried: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    session: str = ""
    epoch: int = 0
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket we issued that came back unused, with the fresh arrival of the same phone."""

    arrival: Arrival
    session: str
    language: str
    issued: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """A session that is not over: what bounds it (0 = no cap) and what it has used (octets both ways)."""

    session: str
    expires_at: datetime
    octets_used: int = 0
    octets: int = 0
    down_kbps: int = 0
    up_kbps: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands, for its citizen's page.

    `octets_left` is None where octets are not capped. After `extendable_at` it can be extended, by its plan;
    None where that gives no more. `cause` is why it is over, in its gateway's word, "" while it runs or where
    nobody said.
    """

    is_running: bool
    seconds_left: int = 0
    octets_left: int | None = None
    extendable_at: datetime | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What a device's sessions of the day say when it comes again.

    `cause` is why the last was over, if lately, else ""; `day_is_over` when nothing is left of its measure.
    """

    cause: str = ""
    day_is_over: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to be online: `session` names the row in the store, the others bound it; 0 = no cap.

    `total` is the cap of the whole session, of which `octets` are left. `longer`: more time may be given
    before the end, a hint for the gateway.
    """

    session: str
    seconds: int
    octets: int = 0
    down_kbps: int = 0
    up_kbps: int = 0
    total: int = 0
    longer: bool = False


class RefusalReason(StrEnum):
    """Why a citizen is not let in; each has a page, of this name, in the citizen's language."""

    SITE_CLOSED = "site-closed"
    SITE_FULL = "site-full"
    NOT_RECOGNISED = "not-recognised"
    DAY_USED_UP = "day-used-up"
    NO_INTERNET = "no-internet"
    VOUCHER_NEEDED = "voucher-needed"
    VOUCHER_UNKNOWN = "voucher-unknown"
    VOUCHER_EXPIRED = "voucher-expired"
    VOUCHER_USED = "voucher-used"
    VOUCHER_WAIT = "voucher-wait"


class FailureReason(StrEnum):
    """What of ours went wrong when a citizen should have been let in: counted, each apart."""

    GATEWAY_FAILED = "gateway-failed"
    GATEWAY_AWAY = "gateway-away"
    STORE_FAILED = "store-failed"
    TICKET_EXPIRED = "ticket-expired"


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
    """What a gateway tells; it has no clock to trust, so `age_s` is how long ago it was.

    `kind` is opened | admitted (by hand, for `seconds`) | continued (while the portal was away, for
    `seconds`) | usage | closed; `id` is unique per site, so a re-sent event changes nothing. `device` is as
    an Arrival names it, "" where it is not told.
    """

    id: str
    kind: str
    session: str
    age_s: int
    seconds: int | None = None
    octets_down: int | None = None
    octets_up: int | None = None
    cause: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class BoxEvent:
    """The event number `seq` of one box, our own gateway; pulses and alarms are of no session.

    `values` are numbers of the whole site.
    """

    seq: int
    event: GatewayEvent
    values: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def kind(self) -> str:
        """A GatewayEvent's, or pulse | alarm."""
        return self.event.kind


@dataclass(frozen=True, slots=True)
class Report:
    """One call of a box: its events in order, what its sessions have used, and what it goes by.

    `serial` is of the policy that it follows, `epoch` of the key that it signs with.
    """

    box: str
    events: Sequence[BoxEvent] = ()
    usage: Sequence[Usage] = ()
    serial: int = 0
    epoch: int = 0


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
