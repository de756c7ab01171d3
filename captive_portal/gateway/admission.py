"""What to do with a phone's ticket: admit, renew or refuse; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from captive_portal.gateway.clock import Moment, read_stamp
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import FASTEST_KBPS
from captive_portal.gateway.ticket import BadToken, Fields, seal, unseal

FRESH_S: Final = 60
ROUNDING_S: Final = 0.001  # of a stamp
LONGEST_S: Final = 31 * 24 * 3600
SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
STATUS: Final = re.compile(r"[A-Za-z0-9_.-]{1,1024}")


@dataclass(frozen=True, slots=True)
class SiteKey:
    """Which site this is, and the keys it shares with the portal.

    `key` signs, and is another one in each `epoch`; `names` makes pseudonyms and is always the same (where it
    is not given, `key`, as in epoch 0).
    """

    site: str
    key: bytes = field(repr=False)
    names: bytes = field(default=b"", repr=False)
    epoch: int = 0

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", self.key)


class NonceMemory(Protocol):
    """What was spent here. It is complete since `since`; of what came before it knows nothing."""

    @property
    def since(self) -> Moment:
        """From when on the memory is complete."""
        ...

    def spent(self, name: str) -> bool:
        """Whether this nonce, or this `session NAME` that was dismissed, may not be used any more."""
        ...


@dataclass(frozen=True, slots=True)
class Admit:
    """Open the door: this ticket is the phone's own, fresh and unspent.

    `octets` are left, `total` is what the session may use in all (0: no cap). `longer`: the portal may give
    more time. `status` is the portal's own word for its page after the grant, opaque here; "" when none.
    Rates are in kbit/s, 0 is no limit.
    """

    session: str
    seconds: int
    octets: int
    nonce: str
    language: str
    total: int = 0
    longer: bool = False
    status: str = ""
    rate_down: int = 0
    rate_up: int = 0


@dataclass(frozen=True, slots=True)
class Renew:
    """The portal's word, but too old for us to know that it was not used: ask the portal once more."""

    ticket: str = field(repr=False)


class Reason(StrEnum):
    """Why a phone is not let in; each has a sentence for the citizen."""

    INVALID = "invalid"
    SPENT = "spent"
    INSIDE = "inside"
    UNKNOWN_PHONE = "unknown-phone"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, in the citizen's language when the ticket told it ("" otherwise)."""

    reason: Reason
    language: str = ""


Decision = Admit | Renew | Refuse


def arrival(site: SiteKey, phone: Phone, now: Moment, nonce: str, session: str = "", mark: str = "") -> str:
    """The signed words that send a phone to the portal: who it is (as pseudonyms) and when, by our clock.

    `session` is the one that the phone is in; "" when it is outside. `mark` is what it is counted by.
    """
    fields: Fields = {
        "site": site.site,
        "device": phone.device(site.names),
        "binding": phone.binding(site.names),
        "stamp": now.stamp(),
        "nonce": nonce,
    }
    if session:
        fields["session"] = session
    if site.epoch:
        fields["epoch"] = site.epoch
    if mark:
        fields["month"] = mark
    return seal(site.key, "arrival", fields)


def decide(site: SiteKey, token: str, phone: Phone, now: Moment, memory: NonceMemory) -> Decision:
    """What a phone that carries this ticket gets.

    Nothing here reads a wall clock: a ticket is fresh when it answers an arrival of the last 60 s of this
    boot.
    """
    try:
        fields = unseal(site.key, "ticket", token)
        ticket, stamp = _ticket(fields), read_stamp(_text(fields, "stamp"))
    except (BadToken, ValueError):
        return Refuse(Reason.INVALID)
    if fields.get("site") != site.site or fields.get("binding") != phone.binding(site.names):
        return Refuse(Reason.INVALID, ticket.language)
    if memory.spent(ticket.nonce) or memory.spent(dismissed(ticket.session)):
        return Refuse(Reason.SPENT, ticket.language)
    return ticket if _fresh(stamp, now, memory.since) else Renew(token)


def decide_by(
    keys: Sequence[SiteKey], token: str, phone: Phone, now: Moment, memory: NonceMemory
) -> Decision:
    """What `decide` says by the first of these keys that signed it."""
    said = (decide(key, token, phone, now, memory) for key in keys)
    invalid = Refuse(Reason.INVALID)
    return next((one for one in said if one != invalid), invalid)


def dismissed(session: str) -> str:
    """The name under which a dismissed session is remembered as spent."""
    return f"session {session}"


def _fresh(stamp: Moment, now: Moment, since: Moment) -> bool:
    # A stamp from before our memory of spent nonces begins may have been used already.
    known = stamp.boot == now.boot == since.boot and since.seconds < stamp.seconds
    return known and -ROUNDING_S <= now.seconds - stamp.seconds <= FRESH_S


def _ticket(fields: Fields) -> Admit:
    """The grant in a ticket's fields. Raises ValueError."""
    session, language = _text(fields, "session"), _text(fields, "lang")
    seconds, octets = _number(fields, "seconds"), _number(fields, "octets")
    total, down, up = (_told(fields, name) for name in ("total", "rate_down", "rate_up"))
    if not SESSION.fullmatch(session) or not LANGUAGE.fullmatch(language):
        raise ValueError("session or language")
    if not 0 < seconds <= LONGEST_S:
        raise ValueError("seconds")
    if max(down, up) > FASTEST_KBPS:
        raise ValueError("rate")
    status = str(fields.get("status", ""))
    told = status if STATUS.fullmatch(status) else ""
    longer = fields.get("longer") == 1
    nonce = _text(fields, "nonce")
    return Admit(session, seconds, octets, nonce, language, total, longer, told, down, up)


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _told(fields: Fields, name: str) -> int:
    """A number that only newer portals tell, and only where it is not 0."""
    return _number(fields, name) if name in fields else 0


def _number(fields: Fields, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(name)
    return value
