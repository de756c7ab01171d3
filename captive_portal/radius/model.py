"""The nouns of RADIUS at a site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from captive_portal.model import GatewayKind, Plan, Running


@dataclass(frozen=True, slots=True)
class RadiusSite:
    """What RADIUS must know of a site; `key` is the one its pseudonyms and passwords are made from.

    `nas` are the NAS-Identifiers and NAS-IP-Addresses under which its access points may speak.
    """

    site: str
    key: bytes = field(repr=False)
    kind: GatewayKind
    plan: Plan
    nas: frozenset[str]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who a packet says it is of. `nas` is its NAS-Identifier, else its NAS-IP-Address, else empty.

    `user` is its User-Name; `mac` that of the phone, lower case with colons, empty when it tells none.
    """

    nas: str
    user: str = field(repr=False)
    mac: str = field(repr=False)


class RejectReason(StrEnum):
    """Why an access point is told no; the word is the Reply-Message, too."""

    UNKNOWN_NAS = "unknown-nas"
    NO_PHONE = "no-phone"
    NO_SESSION = "no-session"
    OTHER_PHONE = "other-phone"
    USED_UP = "used-up"


@dataclass(frozen=True, slots=True)
class Accept:
    """A phone may be online under `session`; `attributes` are the reply's, by FreeRADIUS's names.

    `password` is what the phone has to have shown; None where its MAC address is all there is.
    """

    session: str
    password: str | None = field(repr=False)
    attributes: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Reject:
    """No."""

    reason: RejectReason


class Status(IntEnum):
    """Acct-Status-Type (RFC 2866 §5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


@dataclass(frozen=True, slots=True)
class Report:
    """One Accounting-Request: totals of one association, both directions as the phone sees them.

    None is not told. `labels` are the texts that may name our session, the most trusted first; `delay_s` is
    how long the access point has been trying to say it.
    """

    speaker: Speaker
    status: Status
    association: str = field(repr=False)
    labels: Sequence[str] = field(repr=False)
    seconds: int | None = None
    octets_up: int | None = None
    octets_down: int | None = None
    delay_s: int = 0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """What one access point has told of one association of a phone with it; None is not told yet.

    `heard_at` is when it last told anything, in UTC epoch seconds.
    """

    key: str
    session: str
    seconds: int | None = None
    octets_up: int | None = None
    octets_down: int | None = None
    ended: bool = False
    cause: str = ""
    heard_at: int = 0


class Holders(Protocol):
    """Which session a phone holds; `device` is the pseudonym that an arrival carries, not a MAC."""

    def held_by(self, site: str, device: str, now: datetime) -> Running | None:
        """The newest session of a phone under which it may be online at this site now."""
        ...
