"""How the kinds of gateways differ for whoever shows the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from captive_portal.gateways import uam
from captive_portal.gateways.opennds import LEVELS
from captive_portal.model import Arrival, GatewayKind, Wiring


class Slows(StrEnum):
    """Who is told how fast one phone may be. OTHERS: nobody, or nobody who is known to obey."""

    GATEWAY = "its gateway"
    CONTROLLER = "its controller"
    POLLED = "its gateway, where that polls"
    RADIUS = "RADIUS"
    OTHERS = "no"


@dataclass(frozen=True, slots=True)
class Traits:
    """`calls`: admitting asks a controller, so it is not tried before the tap.

    `extends`: one more ticket makes a session longer, before its end; of the others none is known to take
    that; two can be asked (`lengthening`). `slows`: who enforces a plan's rates. WISPr's attributes, by which
    RADIUS tells them, are read by CoovaChilli (`radius_wispr.h`), uspot (`client_ratelimit`), RouterOS (its
    manual of AAA) and Cambium (its support); of Ruckus and of an AP of none of these kinds it is assumed.
    TP-Link's documents of `extPortal/auth` and Meraki's of EXCAP name no rate; of a Cisco WLC and Aruba
    Instant none was found.
    """

    calls: bool = False
    extends: bool = False
    slows: Slows = Slows.OTHERS


_BY_RADIUS: Final = Traits(slows=Slows.RADIUS)
_CALLED_BY_RADIUS: Final = Traits(calls=True, slows=Slows.RADIUS)

TRAITS: Final[Mapping[GatewayKind, Traits]] = MappingProxyType(
    {
        GatewayKind.PLAZA: Traits(extends=True, slows=Slows.GATEWAY),
        GatewayKind.OPENNDS: Traits(slows=Slows.POLLED),
        GatewayKind.COOVACHILLI: _BY_RADIUS,
        GatewayKind.USPOT: _BY_RADIUS,
        GatewayKind.MIKROTIK: _BY_RADIUS,
        GatewayKind.CISCO_WLC: Traits(),
        GatewayKind.ARUBA_INSTANT: Traits(),
        GatewayKind.RUCKUS_ZD: _BY_RADIUS,
        GatewayKind.CAMBIUM: _BY_RADIUS,
        GatewayKind.MERAKI: Traits(),
        GatewayKind.UNIFI: Traits(calls=True, slows=Slows.CONTROLLER),
        GatewayKind.OMADA: Traits(calls=True),
        GatewayKind.RUCKUS_SMARTZONE: _CALLED_BY_RADIUS,
        GatewayKind.RADIUS: _CALLED_BY_RADIUS,
    }
)

_OURS: Final = frozenset({"lang", "m", "c"})
"""What we put into an address ourselves: it is no arrival."""


def arrives(names: frozenset[str]) -> bool:
    """Whether a query with these names tells of an arrival at all."""
    return bool(names - _OURS)


def is_online(arrival: Arrival) -> bool:
    """Whether the gateway says that this phone is online already (UAM's res)."""
    return arrival.carried.get("res", "") in uam.ONLINE


def polls(wiring: Wiring) -> bool:
    """Whether the gateway asks for its grants by itself (openNDS at the levels 3 and 4)."""
    return is_polled(wiring.kind, wiring.variant)


def is_polled(kind: GatewayKind, variant: str) -> bool:
    """Whether a gateway of this kind and variant asks for its grants."""
    return kind is GatewayKind.OPENNDS and variant in LEVELS and LEVELS[variant].polled


def slows(kind: GatewayKind, variant: str) -> bool:
    """Whether somebody enforces a plan's rates at a gateway of this kind and variant."""
    how = TRAITS[kind].slows
    return is_polled(kind, variant) if how is Slows.POLLED else how is not Slows.OTHERS


def brings(wiring: Wiring) -> bool:
    """Whether only an open door brings a phone to its landing, so that its visit there tells of one."""
    return not (TRAITS[wiring.kind].calls or polls(wiring))
