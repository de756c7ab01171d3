"""What the controller wants of a site, signed: read at the gateway, and written by the controller.

It holds without the controller and without a clock: a later policy has a higher serial, so an old one is
never taken again, and what ends by itself ends by the controller's own time, which the gateway counts on from
when it was told (`borrowed`).
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from captive_portal.gateway import signed

One = TypeVar("One")

PURPOSE: Final = "policy"
NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
)
DEVICE: Final = re.compile(r"[0-9a-f]{32}")
LONGEST: Final = 1000
"""Letters of a text that a citizen reads."""

AT_MOST: Final = {"garden": 256, "blocked": 2000, "resolvers": 4}


class Away(StrEnum):
    """Whom the gateway lets in while the portal is out of reach and the Internet is not."""

    OPEN = "open"
    CLOSED = "closed"


class Filter(StrEnum):
    """What names are answered after the tap, for everybody alike."""

    NONE = "none"
    MALWARE = "malware"
    FAMILY = "family"


class BadPolicy(ValueError):
    """Not a policy, not signed with this site's key, or another site's."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What `open` gives to who comes while the portal is out of reach; octets and rates of 0 are no limit."""

    seconds: int = 3600
    octets: int = 0
    down_kbps: int = 0
    up_kbps: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A device that is not let in: its pseudonym here, why, who said so, until when (UTC, s; 0: no end)."""

    device: str
    reason: str
    author: str
    until: int


@dataclass(frozen=True, slots=True)
class Emergency:
    """Everybody is let through until `until` (UTC, s); civil protection's notice in Spanish and English."""

    until: int
    es: str
    en: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`serial` grows with each change; `made_at` is the controller's time (UTC, s) when it was made.

    `garden` are names, each with all below it, that phones reach before the tap on TCP 80 and 443.
    `resolvers` answer names after the tap. `appeal` is where a citizen who is blocked, or who misses a
    blocked page, turns to.
    """

    site: str
    serial: int
    made_at: int
    when_controller_away: Away = Away.CLOSED
    away: Terms = Terms()
    ipv6: bool = False
    dns: Filter = Filter.NONE
    resolvers: tuple[str, ...] = ()
    garden: tuple[str, ...] = ()
    blocked: tuple[Blocked, ...] = field(default=(), repr=False)
    emergency: Emergency | None = None
    appeal: str = ""

    @property
    def content(self) -> Mapping[str, Any]:
        """All of it but when it was made and as which one: two policies that are alike have the same."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in {"serial", "made_at"}}


@dataclass(frozen=True, slots=True)
class Signed:
    """A policy as it travels and is kept: its text and the signature over that."""

    text: str
    signature: str

    def told(self) -> dict[str, str]:
        """As JSON holds it."""
        return {"text": self.text, "signature": self.signature}


def seal(key: bytes, policy: Policy) -> Signed:
    """Sign a policy with the key of its site's pseudonyms, which is the same in every epoch."""
    text = json.dumps(asdict(policy), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Signed(text, signed.sign(key, PURPOSE, text.encode()))


def unseal(key: bytes, site: str, told: Signed) -> Policy:
    """The policy in it. Raises BadPolicy."""
    if not signed.genuine(key, PURPOSE, told.text.encode(), told.signature):
        raise BadPolicy("the policy is not signed with this site's key")
    policy = read(told.text)
    if policy.site != site:
        raise BadPolicy(f"the policy is of {policy.site}")
    return policy


def read(text: str) -> Policy:
    """A policy from its text. Raises BadPolicy with the name of what is wrong."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadPolicy("the policy is not JSON") from error
    if not isinstance(found, dict):
        raise BadPolicy("the policy is no object")
    try:
        return _policy(found)
    except (KeyError, TypeError, ValueError) as error:
        raise BadPolicy(f"policy: {error}") from error


def _policy(found: Mapping[str, Any]) -> Policy:
    emergency = found["emergency"]
    return Policy(
        site=_text(found, "site"),
        serial=_number(found, "serial"),
        made_at=_number(found, "made_at"),
        when_controller_away=Away(found["when_controller_away"]),
        away=_terms(found["away"]),
        ipv6=found["ipv6"] is True,
        dns=Filter(found["dns"]),
        resolvers=_many(found, "resolvers", _address),
        garden=_many(found, "garden", _name),
        blocked=_many(found, "blocked", _blocked),
        emergency=None if emergency is None else _emergency(emergency),
        appeal=_text(found, "appeal"),
    )


def _terms(found: Mapping[str, Any]) -> Terms:
    terms = Terms(*(_number(found, name) for name in ("seconds", "octets", "down_kbps", "up_kbps")))
    if not terms.seconds:
        raise ValueError("away.seconds is 0")
    return terms


def _blocked(found: Mapping[str, Any]) -> Blocked:
    device = _text(found, "device")
    if not DEVICE.fullmatch(device):
        raise ValueError("blocked: no device")
    return Blocked(device, _text(found, "reason"), _text(found, "author"), _number(found, "until"))


def _emergency(found: Mapping[str, Any]) -> Emergency:
    return Emergency(_number(found, "until"), _text(found, "es"), _text(found, "en"))


def _many(found: Mapping[str, Any], name: str, one: Callable[[Any], One]) -> tuple[One, ...]:
    values = found[name]
    if not isinstance(values, list) or len(values) > AT_MOST[name]:
        raise ValueError(f"{name}: no list of at most {AT_MOST[name]}")
    return tuple(map(one, values))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("garden: no name of a host")
    return value


def _address(value: Any) -> str:
    return str(ipaddress.ip_address(str(value)))


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or len(value) > LONGEST or not value.replace("\n", "").isprintable():
        raise ValueError(f"{name}: no text of at most {LONGEST} letters")
    return value


def _number(found: Mapping[str, Any], name: str) -> int:
    value = found[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise ValueError(f"{name}: no number")
    return value
