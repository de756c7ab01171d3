"""Which class speaks with which kind of gateway."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from captive_portal.gateways.aruba_instant import ArubaInstantGateway
from captive_portal.gateways.cambium import CambiumGateway
from captive_portal.gateways.cisco_wlc import CiscoWlcGateway
from captive_portal.gateways.coovachilli import CoovaChilliGateway
from captive_portal.gateways.meraki import MerakiGateway
from captive_portal.gateways.mikrotik import MikrotikGateway
from captive_portal.gateways.omada import OmadaGateway
from captive_portal.gateways.opennds import OpenNds
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.gateways.radius_mac import RadiusMacGateway
from captive_portal.gateways.ruckus_smartzone import SmartZoneGateway
from captive_portal.gateways.ruckus_zd import RuckusZdGateway
from captive_portal.gateways.unifi import UnifiGateway
from captive_portal.gateways.uspot import UspotGateway
from captive_portal.model import Gateway, GatewayKind, Wiring

_KINDS: Final[Mapping[GatewayKind, Callable[[Wiring], Gateway]]] = MappingProxyType(
    {
        GatewayKind.OPENNDS: OpenNds,
        GatewayKind.COOVACHILLI: CoovaChilliGateway,
        GatewayKind.USPOT: UspotGateway,
        GatewayKind.MIKROTIK: MikrotikGateway,
        GatewayKind.CISCO_WLC: CiscoWlcGateway,
        GatewayKind.ARUBA_INSTANT: ArubaInstantGateway,
        GatewayKind.RUCKUS_ZD: RuckusZdGateway,
        GatewayKind.RUCKUS_SMARTZONE: SmartZoneGateway,
        GatewayKind.CAMBIUM: CambiumGateway,
        GatewayKind.UNIFI: UnifiGateway,
        GatewayKind.OMADA: OmadaGateway,
        GatewayKind.MERAKI: MerakiGateway,
        GatewayKind.RADIUS: RadiusMacGateway,
    }
)


def gateway_of(wiring: Wiring, clock: Callable[[], datetime]) -> Gateway:
    """The portal's side of a site's gateway. Raises ValueError for what no gateway of its kind can be."""
    if wiring.kind is GatewayKind.PLAZA:
        return PlazaGateway(wiring, clock)
    if wiring.kind not in _KINDS:
        raise ValueError(f"{wiring.site}: no site can have a gateway of kind {wiring.kind} yet")
    return _KINDS[wiring.kind](wiring)
