"""Finds what is missing or wrong on this machine, and the command that mends it."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from controller import audit
from controller import inventory as inventory_file
from controller.doctor_jobs import jobs_looked_at
from controller.doctor_sinks import sinks_looked_at
from controller.errors import ControllerError, InventoryError
from controller.finding import Finding, pasteable
from controller.health import unasked
from controller.model import Inventory
from controller.processes import is_free, is_held
from controller.secrets import FileSecrets
from controller.settings import Settings, listeners
from controller.store.engine import HEAD, open_engine, require_sound, version
from drivers.definition import load_platforms

MIN_FREE_GB = 1.0


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything a run needs; a finding or two each. Changes nothing, here or at a server."""
    yield _disk(settings)
    yield _data_dir(settings)
    yield _store(settings)
    now = datetime.now(UTC)
    yield jobs_looked_at(settings, now)
    yield from sinks_looked_at(settings, now)
    try:
        inventory = inventory_file.load(settings.inventory)
    except InventoryError as error:
        mend = f"plaza inventory check {settings.inventory}"
        yield Finding("inventory", f"{len(error.problems)} mistakes", mend)
        return
    yield _network(inventory)
    yield from _secrets(settings, inventory)
    yield _platforms(inventory)
    yield _audit(settings)
    yield from _listeners(settings)


def _disk(settings: Settings) -> Finding:
    place = settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent
    free_gb = shutil.disk_usage(place).free / 1e9
    mend = "" if free_gb >= MIN_FREE_GB else f"free some space on the disk of {settings.data_dir}"
    return Finding("disk", f"{free_gb:.1f} GB free", mend)


def _data_dir(settings: Settings) -> Finding:
    path = settings.data_dir
    if not path.exists():
        return Finding("data directory", f"{path} is not there yet; the first run makes it")
    if os.access(path, os.W_OK | os.X_OK):
        return Finding("data directory", f"{path} can be written")
    return Finding("data directory", f"{path} cannot be written", f"chown -R $(id -un) {path}")


def _store(settings: Settings) -> Finding:
    file = settings.data_dir / "plaza.db"
    if not settings.store_url and not file.exists():
        return Finding("store", "not there yet; the first run makes it")
    try:
        engine = open_engine(settings.database_url)
        found = version(engine)
        require_sound(engine)
    except (SQLAlchemyError, ControllerError) as error:
        return Finding(
            "store", str(getattr(error, "orig", error)), f"ls -l {file}  # put a backup in its place"
        )
    if found == HEAD:
        return Finding("store", f"at version {found}")
    return Finding("store", f"at version {found or 'none'}; the next run brings it to {HEAD}")


def _network(inventory: Inventory) -> Finding:
    found = f"{len(inventory.sites)} sites, {len(inventory.devices)} devices"
    unpolled = sum(unasked(device) for device in inventory.devices.values())
    without = f", {unpolled} not polled: plaza inventory check names them" if unpolled else ""
    return Finding("inventory", found + without)


def _secrets(settings: Settings, inventory: Inventory) -> Iterator[Finding]:
    secrets = FileSecrets(inventory.credentials, settings.secrets_dir)
    for device in list(inventory.devices.values())[:1]:  # what is derived is so for each of them alike
        secrets = secrets.of(device)
    look_up: dict[str, Callable[[str], object]] = {
        "snmp-v1": secrets.snmp,
        "snmp-v2c": secrets.snmp,
        "snmp-v3": secrets.snmp,
        "ssh": secrets.ssh,
        "http": secrets.http,
        "gateway": secrets.gateway,
        "portal": secrets.portal,
        "wifi": secrets.passphrase,
    }
    for name, credential in inventory.credentials.items():
        try:
            look_up[credential["kind"]](name)
        except ControllerError as error:
            what, _, mend = str(error).removeprefix(f"credential {name}: ").rpartition(", ")
            yield Finding(f"credential {name}", what, pasteable(mend))
        else:
            yield Finding(f"credential {name}", "resolves")


def _platforms(inventory: Inventory) -> Finding:
    known = load_platforms()
    unknown = sorted({d.platform for d in inventory.devices.values() if d.platform} - known.keys())
    if unknown:
        return Finding("platforms", f"unknown: {', '.join(unknown)}", "mend `platform:` in the inventory")
    return Finding("platforms", f"{len(known)} known")


def _audit(settings: Settings) -> Finding:
    file = settings.data_dir / "plaza.db"
    if not (settings.data_dir / "audit.key").exists() or not file.exists():
        return Finding("audit", "nothing was done yet")
    try:
        verdict = audit.verify(open_engine(settings.database_url), audit.load_key(settings.data_dir))
    except (SQLAlchemyError, ControllerError) as error:
        return Finding("audit", str(getattr(error, "orig", error)), f"ls -l {settings.data_dir}")
    if not verdict.broken_at:
        return Finding("audit", f"{verdict.rows} rows, none altered")
    return Finding("audit", f"row {verdict.broken_at} was altered", "compare the store with a backup")


def _listeners(settings: Settings) -> Iterator[Finding]:
    running = is_held(settings.data_dir / "plaza.lock")
    for one in listeners(settings):
        place = one.endpoint
        if is_free(place, one.kind) or running:
            state = "served by the running Plaza, or free" if running else "free"
            yield Finding(one.setting, f"{place} is {state}")
        else:
            mend = f"export {one.variable}={place.host}:{place.port + 1000}"
            yield Finding(one.setting, f"{place} is taken", mend)
