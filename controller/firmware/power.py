"""Whether a device may be flashed by what is known of its power: never on battery."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from drivers.model import Device, Role
from metrics.errors import MetricsError
from metrics.local.store import LocalStore
from metrics.sink import Window

FRESH_S: Final = 900
"""What a supply said longer ago says nothing of now."""


def why_not(devices: Mapping[str, Device], samples: LocalStore, device: Device, now: datetime) -> str:
    """Why it must not be flashed now, "" where it may. A device that nobody says is on a UPS may."""
    for ups in _supplies(devices, device):
        at = int(now.timestamp())
        try:
            found = samples.read("power", Window(at - FRESH_S, at + 1), {"ap": ups})
        except MetricsError as error:
            return f"the samples of {ups}, which powers it, cannot be read: {error}"
        told = [sample.fields["on_battery"] for sample in found if "on_battery" in sample.fields]
        if not told:
            return f"{ups}, which powers it, does not say whether it is on battery"
        if told[-1] != 0:
            return f"{ups}, which powers it, is on battery"
    return ""


def is_known(devices: Mapping[str, Device], device: Device) -> bool:
    """Whether the inventory says which UPS a device hangs on."""
    return next(_supplies(devices, device), "") != ""


def _supplies(devices: Mapping[str, Device], device: Device) -> Iterator[str]:
    """Every UPS on the way from the mains; a switch that feeds it hangs on one itself."""
    seen = {device.name}
    while device.powered_by is not None and device.powered_by.device not in seen:
        name = device.powered_by.device
        seen.add(name)
        if name not in devices:
            return
        device = devices[name]
        if device.role is Role.UPS:
            yield name
