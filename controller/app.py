"""The object graph of one process, built in one visible place."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from captive_portal.model import GatewayKind, Plan, PortalSite, Wiring
from controller import inventory as inventory_file
from controller.errors import StoreError
from controller.model import Inventory, Site
from controller.rotation import standing
from controller.rotation.turned import Turned
from controller.secrets import FileSecrets, site_key
from controller.settings import Settings
from controller.store.engine import open_store
from metrics.errors import StoreUnusable
from metrics.local.store import LocalStore


@dataclass(frozen=True, slots=True)
class App:
    """What every process of Plaza is made of."""

    settings: Settings
    inventory: Inventory
    secrets: FileSecrets
    engine: Engine
    samples: LocalStore


def build(settings: Settings) -> App:
    """Open everything this process needs. Raises a ControllerError that says where and how to mend it."""
    inventory = inventory_file.load(settings.inventory)
    try:
        samples = LocalStore.open(settings.samples_dir)
    except StoreUnusable as error:
        raise StoreError(str(error)) from error
    engine = open_store(settings.database_url)
    secrets = FileSecrets(inventory.credentials, settings.secrets_dir, turned=Turned(engine))
    return App(
        settings=settings,
        inventory=standing.applied(inventory, engine, secrets),
        secrets=secrets,
        engine=engine,
        samples=samples,
    )


def afresh(app: App) -> App:
    """The same with the inventory and the rotations as they are now. Raises InventoryError."""
    inventory = inventory_file.load(app.settings.inventory)
    secrets = FileSecrets(inventory.credentials, app.settings.secrets_dir, turned=Turned(app.engine))
    return replace(app, inventory=standing.applied(inventory, app.engine, secrets), secrets=secrets)


def utc_now() -> datetime:
    """The clock every process is given."""
    return datetime.now(UTC)


def portal_sites(app: App) -> dict[str, PortalSite]:
    """What the portal knows of each site, by key."""
    masters: dict[str, bytes] = {}
    sites = {}
    for site in app.inventory.sites.values():
        name = site.portal.gateway_credentials
        if name not in masters:
            masters[name] = app.secrets.gateway(name)
        sites[site.key] = _portal_site(app, site, site_key(masters[name], site.key))
    return sites


def _portal_site(app: App, site: Site, key: bytes) -> PortalSite:
    gateway_url, portal_url = site.portal.gateway_url.rstrip("/"), app.settings.public_portal_url
    return PortalSite(
        key=site.key,
        name=site.name,
        municipality=site.municipality,
        municipality_name=app.inventory.municipalities[site.municipality].name,
        zone=site.hours.zone,
        languages=site.portal.languages,
        plan=Plan(site.portal.plan, site.portal.duration, octets=site.portal.octets),
        gateway_url=gateway_url,
        wiring=Wiring(
            site.key,
            GatewayKind.PLAZA,
            key,
            landing=f"{portal_url}/p/{site.key}/online",
            api_url=gateway_url,
            portal_url=f"{portal_url}/p/{site.key}",
        ),
    )
