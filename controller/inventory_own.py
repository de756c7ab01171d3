"""Checks what is wanted of our own gateways: that one stands in the network that it gives addresses of."""

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address
from urllib.parse import urlsplit

from captive_portal.model import GatewayKind
from controller.errors import Problem
from controller.inventory_resolve import Resolved
from controller.model import Site

_GUESTS = ("gateway", "guests")


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Sites whose gateway is not one of its own guests' network, once for all that have it from one level."""
    for site in _apart(resolved):
        if any(resolved.told("sites", site.key, key) for key in (_GUESTS, ("portal", "gateway_url"))):
            continue
        place = resolved.leaves("sites", site.key)[_GUESTS].source
        what = f"does not hold {urlsplit(site.portal.gateway_url).hostname}, where {site.key} has its gateway"
        mend = "write the network of that address, or mend `portal: {gateway_url: …}` of the site"
        yield resolved.document.problem(place, what, mend)


def _ours(site: Site) -> bool:
    return site.portal.kind is GatewayKind.PLAZA


def _apart(resolved: Resolved) -> Iterator[Site]:
    for site in resolved.sites.values():
        if not _ours(site) or not site.gateway.guests:
            continue
        try:
            here = ip_address(urlsplit(site.portal.gateway_url).hostname or "")
        except ValueError:
            continue
        if not here.is_loopback and here not in IPv4Network(site.gateway.guests):
            yield site
