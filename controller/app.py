"""The object graph of one process, built in one visible place."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from captive_portal.model import PortalSite
from controller import inventory as inventory_file
from controller.errors import StoreError
from controller.model import Inventory
from controller.portal_sites import Source
from controller.portal_sites import portal_sites as built
from controller.rotation import standing
from controller.rotation.turned import Turned
from controller.secrets import FileSecrets
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
        samples = LocalStore.open(settings.samples_place)
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
    """What the portal knows of each site, by key. Raises ControllerError."""
    return built(Source(app.inventory, app.secrets, app.settings.public_portal_url, utc_now))
