"""(Inventory, Device) → Intent: what a device should be, in nobody's dialect."""

import hashlib
import json
from dataclasses import asdict, replace

from controller.model import Inventory
from drivers.configurers.ways import CONFIGURERS, why_only_watched
from drivers.model import Device, Intent, Lifecycle


def intent(inventory: Inventory, device: Device) -> Intent:
    """Everything `render` needs to know of one device of the inventory."""
    resolved = inventory.devices[device.name]
    return Intent(
        device=resolved.name,
        hostname=resolved.name,
        country=resolved.country,
        radios=resolved.radios,
        ssids=resolved.ssids,
        manage=resolved.manage,
        captive=resolved.captive,
    )


def digest(wanted: Intent) -> str:
    """SHA-256 over an intent. Secrets are in it by the name of their credential only."""
    return hashlib.sha256(json.dumps(asdict(wanted), sort_keys=True).encode()).hexdigest()


def without_keys(wanted: Intent) -> Intent:
    """An intent that says nothing of who may enter the device."""
    manage = replace(wanted.manage, ssh_keys=(), revoked_keys=(), snmp_users=())
    return replace(wanted, manage=manage)


def held_to(wanted: Intent) -> str:
    """What a row of the journal holds to: a digest without keys, which go with whatever is changed."""
    return digest(without_keys(wanted))


def why_not(device: Device) -> str:
    """Why Plaza does not configure this device; empty when it does."""
    if device.state in {Lifecycle.EXPECTED, Lifecycle.RETIRED}:
        return f"its state is {device.state.value}"
    if device.platform not in CONFIGURERS:
        return why_only_watched(device.platform)
    if not device.ssh_credentials:
        return "it has no `ssh: {credentials: …}`, add it in the inventory to have it configured"
    return ""
