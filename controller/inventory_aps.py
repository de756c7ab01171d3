"""By which names a site's access points may show themselves to the portal, where a phone brings the name."""

from collections.abc import Iterable, Mapping
from typing import Final

from captive_portal.gateways.told import macs_among
from captive_portal.model import GatewayKind
from controller.model import Portal
from drivers.model import Device, Lifecycle

BY_MAC: Final = frozenset({GatewayKind.UNIFI, GatewayKind.OMADA, GatewayKind.RUCKUS_SMARTZONE})
"""The kinds whose phones name their access point by its MAC, and which compare nothing else."""

Macs = Mapping[str, frozenset[str]]


def macs_by_site(devices: Iterable[Device]) -> Macs:
    """The `mac:` of each site's devices, without those that are retired."""
    found: dict[str, set[str]] = {}
    for device in devices:
        if device.mac and device.state is not Lifecycle.RETIRED:
            found.setdefault(device.site, set()).add(device.mac)
    return {site: frozenset(macs) for site, macs in found.items()}


def hosts_of(site: str, portal: Portal, macs: Macs) -> frozenset[str]:
    """Its `hosts:`, and the MACs of its own devices where these name no access point of such a kind."""
    hosts = frozenset(portal.hosts)
    if names_access_points(portal) or portal.kind not in BY_MAC | {GatewayKind.RADIUS}:
        return hosts
    return hosts | macs.get(site, frozenset())


def names_access_points(portal: Portal) -> bool:
    """Whether `hosts:` says what a phone may name."""
    return bool(macs_among(portal.hosts) if portal.kind in BY_MAC else portal.hosts)


def is_unnamed(portal: Portal) -> bool:
    """Whether phones come without their access point's name, which only RADIUS then tells."""
    return portal.kind is GatewayKind.RADIUS and portal.variant.endswith(",")
