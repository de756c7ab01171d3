"""What a device tells unasked, and who we are to it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from drivers.snmp.seam import Oid, Value


class NoticeKind(StrEnum):
    """The generic notifications of SNMPv2-MIB and IF-MIB; everything else is the vendor's."""

    COLD_START = "cold-start"
    WARM_START = "warm-start"
    LINK_DOWN = "link-down"
    LINK_UP = "link-up"
    AUTHENTICATION_FAILURE = "authentication-failure"
    VENDOR = "vendor"


_SNMP_TRAPS: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5)
_KINDS: Final[Mapping[Oid, NoticeKind]] = MappingProxyType(
    {
        (*_SNMP_TRAPS, 1): NoticeKind.COLD_START,
        (*_SNMP_TRAPS, 2): NoticeKind.WARM_START,
        (*_SNMP_TRAPS, 3): NoticeKind.LINK_DOWN,
        (*_SNMP_TRAPS, 4): NoticeKind.LINK_UP,
        (*_SNMP_TRAPS, 5): NoticeKind.AUTHENTICATION_FAILURE,
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One trap or inform that was believed.

    `source` is the address it came from, not the device: several share the address of a site's gateway. `oid`
    is snmpTrapOID.0, for SNMPv1 made by RFC 3584 §3.1. `values` may name a citizen's device: not for a log.
    """

    source: str
    kind: NoticeKind
    oid: Oid
    values: Mapping[Oid, Value] = field(repr=False)


class Unheard(Enum):
    """Why a datagram is no Notice."""

    DISBELIEVED = "not believed"
    GREETING = "a sender of SNMPv3 informs asked who we are, or what time it is here, and was told"


@dataclass(slots=True)
class Counts:
    """What became of the datagrams so far. The last three make nothing happen.

    `strangers` came from an address that no device has; `disbelieved` from a device's address with a wrong
    community, user, digest or time, or unreadable; `surplus` were more than there was time for.
    """

    heard: int = 0
    strangers: int = 0
    disbelieved: int = 0
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Who we are to senders of SNMPv3 informs: always the same `engine_id`; `boots` counts our starts.

    Source: RFC 3414 §2.2.
    """

    engine_id: bytes
    boots: int


def kind_of(oid: Oid) -> NoticeKind:
    """What snmpTrapOID.0 says."""
    return _KINDS.get(oid, NoticeKind.VENDOR)


def plain_address(host: str) -> str:
    """A numeric address in its one spelling; one of IPv4 that came over an IPv6 socket is itself again."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host)
    return str(address.ipv4_mapped or address)
