"""Where each new device stands: a row per device that is expected or in staging."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from controller.adoption.claims import Standing, standings
from controller.adoption.scripts import PLATFORMS, first_step
from controller.model import Inventory
from controller.store.engine import READ_ONLY
from controller.store.tables import device_facts, host_keys
from drivers.configurers.ways import CONFIGURERS
from drivers.model import Device, Lifecycle

NEW = frozenset({Lifecycle.EXPECTED, Lifecycle.STAGING})


@dataclass(frozen=True, slots=True)
class Row:
    """A new device; `next` is what a person does now, "" where only time can tell."""

    device: str
    site: str
    state: str
    stands: str
    next: str


def rows(inventory: Inventory, engine: Engine, now: datetime) -> tuple[Row, ...]:
    """The new devices in file order, times in the zone of their site."""
    claimed = standings(engine)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        pinned = frozenset(connection.execute(select(host_keys.c.device)).scalars())
        serials = {row.device: row.serial for row in connection.execute(select(device_facts))}
    found = []
    for device in inventory.devices.values():
        if device.state not in NEW:
            continue
        zone = inventory.sites[device.site].hours.zone
        stands, then = _standing(device, claimed, device.name in pinned, zone, now)
        if device.serial and serials.get(device.name, "") not in {"", device.serial}:
            stands += f"; it says serial {serials[device.name]}, the inventory {device.serial}"
        found.append(Row(device.name, device.site, device.state.value, stands, then))
    return tuple(found)


def _standing(
    device: Device, claimed: Mapping[str, Standing], pinned: bool, zone: str, now: datetime
) -> tuple[str, str]:
    one = claimed.get(device.name)
    if one is not None and one.used_at is not None:
        return f"claimed {_shown(one.used_at, zone)}", _after(device)
    if pinned:
        return "its host key is pinned", _after(device)
    if one is None:
        return "no token yet" if device.platform in PLATFORMS else "not taken in yet", first_step(device)
    if one.expires_at <= now.timestamp():
        return f"its token expired {_shown(one.expires_at, zone)}", first_step(device)
    return f"waits for its first boot; token until {_shown(one.expires_at, zone)}", ""


def _after(device: Device) -> str:
    if device.platform not in CONFIGURERS:
        return f"plaza adopt done {device.name}"
    if device.state is Lifecycle.EXPECTED:
        return f"set `state: staging` of {device.name} in the inventory"
    return f"plaza apply {device.name}, then plaza adopt done {device.name}"


def _shown(moment: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
