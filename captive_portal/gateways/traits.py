"""How the kinds of gateways differ for whoever shows the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from captive_portal.gateways import uam
from captive_portal.gateways.opennds import LEVELS
from captive_portal.model import Arrival, GatewayKind, Wiring


@dataclass(frozen=True, slots=True)
class Traits:
    """`calls`: admitting asks a controller, so it is not tried before the tap.

    `leaves`: a session can be ended at a citizen's word. `extends`: one more ticket makes it longer, before
    its end; of the others none is known to take that.
    """

    calls: bool = False
    leaves: bool = False
    extends: bool = False


_CALLED: Final = Traits(calls=True, leaves=True)

TRAITS: Final[Mapping[GatewayKind, Traits]] = MappingProxyType(
    {
        GatewayKind.PLAZA: Traits(leaves=True, extends=True),
        GatewayKind.OPENNDS: Traits(),
        GatewayKind.COOVACHILLI: Traits(),
        GatewayKind.USPOT: Traits(),
        GatewayKind.MIKROTIK: Traits(),
        GatewayKind.CISCO_WLC: Traits(),
        GatewayKind.ARUBA_INSTANT: Traits(),
        GatewayKind.RUCKUS_ZD: Traits(),
        GatewayKind.CAMBIUM: Traits(),
        GatewayKind.MERAKI: Traits(),
        GatewayKind.UNIFI: _CALLED,
        GatewayKind.OMADA: _CALLED,
        GatewayKind.RUCKUS_SMARTZONE: _CALLED,
        GatewayKind.RADIUS: _CALLED,
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
    return wiring.kind is GatewayKind.OPENNDS and wiring.variant in LEVELS and LEVELS[wiring.variant].polled


def brings(wiring: Wiring) -> bool:
    """Whether only an open door brings a phone to its landing, so that its visit there tells of one."""
    return not (TRAITS[wiring.kind].calls or polls(wiring))
