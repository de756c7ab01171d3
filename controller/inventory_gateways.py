"""Checks whether the gateway that a site names can be wired as its `portal:` says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final

from captive_portal.gateways.told import macs_among
from captive_portal.gateways.traits import slows
from captive_portal.model import GatewayKind
from controller.errors import Problem
from controller.inventory_aps import BY_MAC, Macs, hosts_of, is_unnamed, macs_by_site
from controller.inventory_credentials import PortalCredential
from controller.inventory_levels import Key
from controller.inventory_resolve import Resolved
from controller.inventory_words import near
from controller.inventory_yaml import Place
from controller.model import Portal, Site
from drivers.model import Device
from drivers.model import GatewayKind as Configured


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of gateway needs of `portal:`; the docstrings of captive_portal.gateways say why.

    `variants` are those there are, "" where none need be written; None where they are names of fields.
    `scheme` is that of `controller: {url: …}`, "" where the kind has none.
    """

    secret: bool = False
    hosts: bool = False
    variants: tuple[str, ...] | None = ("",)
    with_user: tuple[str, ...] = ()
    scheme: str = ""
    controller: bool = False


_POSTING: Final = Needs(hosts=True, scheme="radius")
_UAM: Final = Needs(secret=True, hosts=True, scheme="radius")

NEEDS: Final[Mapping[GatewayKind, Needs]] = MappingProxyType(
    {
        GatewayKind.PLAZA: Needs(),
        GatewayKind.OPENNDS: Needs(secret=True, hosts=True, variants=("", "level-2", "level-3")),
        GatewayKind.COOVACHILLI: _UAM,
        GatewayKind.USPOT: _UAM,
        GatewayKind.MIKROTIK: _POSTING,
        GatewayKind.CISCO_WLC: _POSTING,
        GatewayKind.ARUBA_INSTANT: _POSTING,
        GatewayKind.RUCKUS_ZD: Needs(hosts=True, variants=("", "unleashed"), scheme="radius"),
        GatewayKind.CAMBIUM: _POSTING,
        GatewayKind.MERAKI: Needs(hosts=True, variants=("click-through", "sign-on"), scheme="radius"),
        GatewayKind.UNIFI: Needs(
            secret=True,
            variants=("", "unifi-os", "integration"),
            with_user=("", "unifi-os"),
            scheme="https",
            controller=True,
        ),
        GatewayKind.OMADA: Needs(secret=True, with_user=("",), scheme="https", controller=True),
        GatewayKind.RUCKUS_SMARTZONE: Needs(secret=True, scheme="https", controller=True),
        GatewayKind.RADIUS: Needs(secret=True, hosts=True, variants=None, scheme="radius", controller=True),
    }
)

_FIELDS: Final = re.compile("[^,]+(?:,[^,]*){2}")
"""Names of the fields of a redirect: the MAC's, the IP address's, the access point's."""
_LAB: Final = ("level-0", "level-1", "level-4")
_KINDS: Final = frozenset(str(kind) for kind in Configured)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a key of a site's `portal:`, said once for all the sites that have it."""

    place: Place
    what: str
    mend: str


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every site whose gateway cannot be wired."""
    found: dict[Wrong, list[str]] = {}
    unlike = differing(resolved.sites, resolved.devices)
    macs = macs_by_site(resolved.devices.values())
    for site in resolved.sites.values():
        for key, what, mend in (*_of_site(resolved, site, macs), *_of_devices(resolved, site, unlike)):
            if not resolved.told("sites", site.key, key) and not resolved.told("sites", site.key, _KIND):
                found.setdefault(Wrong(_place(resolved, site, key), what, mend), []).append(site.key)
    for wrong, sites in found.items():
        more = f" (site {sites[0]} and {len(sites) - 1} more)" if len(sites) > 1 else ""
        yield resolved.document.problem(wrong.place, wrong.what + more, wrong.mend)


def differing(sites: Mapping[str, Site], devices: Mapping[str, Device]) -> dict[str, list[str]]:
    """By site, the devices that are configured for another kind of gateway than its own.

    A kind that no device can be configured for says nothing of them.
    """
    found: dict[str, list[str]] = {}
    for device in devices.values():
        site = sites.get(device.site)
        if site is None or device.captive is None or site.portal.kind not in _KINDS:
            continue
        if site.portal.kind != device.captive.kind.value:
            found.setdefault(site.key, []).append(device.name)
    return found


_KIND: Final[Key] = ("portal", "kind")
_Fault = tuple[Key, str, str]


def _of_site(resolved: Resolved, site: Site, macs: Macs) -> Iterator[_Fault]:
    portal, needs = site.portal, NEEDS[site.portal.kind]
    return chain(
        _of_variant(portal, needs),
        _of_secret(resolved, portal, needs),
        _of_hosts(site, needs, macs),
        _of_controller(portal, needs),
        _of_rate(portal),
    )


def _of_devices(resolved: Resolved, site: Site, unlike: Mapping[str, list[str]]) -> Iterator[_Fault]:
    """A kind that is written, and devices of another."""
    leaf = resolved.leaves("sites", site.key).get(_KIND)
    if leaf is not None and site.key in unlike:
        what = f"is {site.portal.kind}, and {unlike[site.key][0]} is configured as another kind"
        yield _KIND, what, "write the same kind in its `captive:`, or `captive: null`"


def _of_variant(portal: Portal, needs: Needs) -> Iterator[_Fault]:
    key = ("portal", "variant")
    if needs.variants is None:
        if portal.variant and not _FIELDS.fullmatch(portal.variant):
            yield key, f"is no variant of {portal.kind}", "write MAC,IP,NAS, each NAME or NAME|NAME"
        return
    if portal.variant in needs.variants:
        return
    if portal.kind is GatewayKind.OPENNDS and portal.variant in _LAB:
        what = f"is {portal.variant}, at which a phone can open the door by itself"
        yield key, what, "write level-2, or level-3 where the gateway polls"
    elif not portal.variant:
        yield key, f"is set at no level, and {portal.kind} needs it", near("", needs.variants)
    elif known := [each for each in needs.variants if each]:
        yield key, f"is no variant of {portal.kind}", near(portal.variant, known)
    else:
        yield key, f"is written, and {portal.kind} has no variants", "delete it, or write null"


def _of_secret(resolved: Resolved, portal: Portal, needs: Needs) -> Iterator[_Fault]:
    key = ("portal", "credentials")
    entry = resolved.file.credentials.get(portal.credentials)
    if needs.secret and not portal.credentials:
        what = f"is set at no level, and {portal.kind} needs a secret"
        yield key, what, "add `credentials:` with the name of one of kind portal"
    if not isinstance(entry, PortalCredential):
        return
    if entry.secret.endswith("#device"):
        yield key, "is another secret at each device", "name one that is derived for #site"
    if portal.variant in needs.with_user and not entry.user:
        what = f"has no user, and {portal.kind} logs in with one"
        yield key, what, "add `user:` to that credential"


def _of_hosts(site: Site, needs: Needs, macs: Macs) -> Iterator[_Fault]:
    portal, key = site.portal, ("portal", "hosts")
    if is_unnamed(portal):
        if not portal.nas:
            what = "is set at no level, and nothing else tells whose access point a phone comes from"
            yield ("portal", "nas"), what, "add `nas: […]`, or the field that names it to `variant:`"
    elif portal.kind in BY_MAC:
        if not macs_among(hosts_of(site.key, portal, macs)):
            what = f"has no MAC of an access point, and {portal.kind} names it by that to phones"
            yield key, what, "add `mac:` to the site's devices, or `hosts: [MAC, …]`"
    elif needs.hosts and not hosts_of(site.key, portal, macs):
        what = f"is set at no level, and {portal.kind} names a host to phones"
        yield key, what, "add `hosts: […]` with its names and addresses"


def _of_controller(portal: Portal, needs: Needs) -> Iterator[_Fault]:
    key = ("portal", "controller", "url")
    if not portal.controller_url:
        if needs.controller:
            mend = f"add `controller: {{url: {needs.scheme}://…}}`"
            yield key, f"is set at no level, and {portal.kind} is asked there", mend
    elif needs.scheme and not portal.controller_url.startswith(f"{needs.scheme}://"):
        what = f"is no {needs.scheme} address, and {portal.kind} is asked over {needs.scheme.upper()}"
        yield key, what, f"write it as {needs.scheme}://…"


def _of_rate(portal: Portal) -> Iterator[_Fault]:
    rates = {"down_kbps": portal.down_kbps, "up_kbps": portal.up_kbps}
    limited = [name for name, kbps in rates.items() if kbps]
    if limited and not slows(portal.kind, portal.variant):
        variant = f" at {portal.variant or 'level-2'}" if portal.kind is GatewayKind.OPENNDS else ""
        what = f"is written, and {portal.kind}{variant} bounds no phone's rate"
        mend = "write `rate: {down_kbps: 0, up_kbps: 0}` there; `ssids:` may have a rate of their own"
        yield ("portal", "rate", limited[0]), what, mend


def _place(resolved: Resolved, site: Site, key: Key) -> Place:
    """Where a key is written, or would stand beside the site's kind."""
    leaves = resolved.leaves("sites", site.key)
    if key in leaves and leaves[key].source:
        return leaves[key].source
    kind = leaves[_KIND].source if _KIND in leaves else ("sites", site.key, *_KIND)
    return (*kind[:-1], *key[1:])
