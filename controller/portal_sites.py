"""Builds what the portal knows of each site from the inventory and its secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import GatewayKind, Plan, PortalSite, Wiring
from controller.errors import ControllerError, SecretError
from controller.inventory_aps import hosts_of, macs_by_site
from controller.model import Inventory, Site
from controller.secrets import MIN_PORTAL_SECRET, FileSecrets, site_keys, voucher_key
from drivers.model import Device

KNOWN: Final = (
    "ht2eb8ej6s4et3rg1ulp",
    "1234567890",
    "change-me",
    "changeme",
    "uamsecret",
    "greatsecret",
    "testing123",
    "password",
    "secret",
)
"""Secrets that stand in the manuals and examples of gateways: everybody knows them."""


@dataclass(frozen=True, slots=True)
class Source:
    """What portal sites are built from; `portal_url` is the address phones are sent to, without a path."""

    inventory: Inventory
    secrets: FileSecrets
    portal_url: str
    clock: Callable[[], datetime]


def portal_sites(source: Source) -> dict[str, PortalSite]:
    """What the portal knows of each site, by key. Raises SecretError, and ControllerError for a gateway
    that cannot be wired as the inventory says."""
    masters: dict[str, bytes] = {}
    holders = _holders(source.inventory.devices)
    macs = macs_by_site(source.inventory.devices.values())
    sites = {}
    for site in source.inventory.sites.values():
        name = site.portal.gateway_credentials
        if name not in masters:
            masters[name] = source.secrets.gateway(name)
        hosts = hosts_of(site.key, site.portal, macs)
        wiring = _wiring(source, site, masters[name], holders.get(site.key), hosts)
        _prove(wiring, source.clock)
        sites[site.key] = _portal_site(source.inventory, site, wiring, masters[name])
    return sites


def weak(secret: str) -> bool:
    """Whether little is left of a secret without the words that everybody knows."""
    rest = secret.lower()
    for word in KNOWN:
        rest = rest.replace(word, "")
    return len(rest) < MIN_PORTAL_SECRET


def _portal_site(inventory: Inventory, site: Site, wiring: Wiring, master: bytes) -> PortalSite:
    portal = site.portal
    return PortalSite(
        key=site.key,
        name=site.name,
        municipality=site.municipality,
        municipality_name=inventory.municipalities[site.municipality].name,
        zone=site.hours.zone,
        languages=portal.languages,
        plan=Plan(
            portal.plan,
            portal.duration,
            octets=portal.octets,
            down_kbps=portal.down_kbps,
            up_kbps=portal.up_kbps,
            daily=portal.daily,
            devices=portal.devices,
        ),
        gateway_url=portal.gateway_url.rstrip("/"),
        wiring=wiring,
        local=site.pages,
        vouchers=portal.vouchers,
        voucher_key=voucher_key(master, site.municipality),
    )


def _wiring(
    source: Source, site: Site, master: bytes, holder: Device | None, hosts: frozenset[str]
) -> Wiring:
    portal = site.portal
    own = portal.kind is GatewayKind.PLAZA
    keys = site_keys(master, site.key, site.gateway.key_epoch)
    return Wiring(
        site=site.key,
        kind=portal.kind,
        key=keys.names,
        landing=f"{source.portal_url}/p/{site.key}/online",
        hosts=hosts,
        secret=b"" if own else _secret(source.secrets, site, holder),
        user=_user(source.inventory, portal.credentials),
        api_url=portal.gateway_url.rstrip("/") if own else portal.controller_url,
        api_site=portal.controller_site,
        fingerprint=portal.controller_fingerprint,
        variant=portal.variant,
        portal_url=f"{source.portal_url}/p/{site.key}",
        epoch=keys.epoch,
        signing=keys.signing,
    )


def _prove(wiring: Wiring, clock: Callable[[], datetime]) -> None:
    """Build the gateway once, so that what cannot be is told now and not to a citizen."""
    try:
        gateway_of(wiring, clock)
    except ValueError as error:
        mend = "mend `portal:` of that site in the inventory (docs/portal-kinds.md)"
        raise ControllerError(f"site {error}, {mend}") from error


def _secret(secrets: FileSecrets, site: Site, holder: Device | None) -> bytes:
    """What the site's gateway shares with the portal; empty where its kind shares nothing."""
    name = site.portal.credentials
    if not name:
        return b""
    found = (secrets if holder is None else secrets.of(holder)).portal(name).reveal()
    if weak(found):
        mend = "make another with: openssl rand -hex 16"
        raise SecretError(f"credential {name}: is a secret that everybody knows, or nearly, {mend}")
    return found.encode()


def _user(inventory: Inventory, name: str) -> str:
    return inventory.credentials[name].get("user", "") if name else ""


def _holders(devices: Mapping[str, Device]) -> dict[str, Device]:
    """One device of each site: those of a site share what is derived for it or its municipality."""
    found: dict[str, Device] = {}
    for device in devices.values():
        found.setdefault(device.site, device)
    return found
