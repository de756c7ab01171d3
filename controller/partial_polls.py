"""What the turns between whole polls ask of devices on links that are slow or cost money."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final

from controller.profiles import PACES, Depth
from drivers.definition import Platform
from drivers.depth import pulse, without_names_and_ports
from drivers.model import Device
from drivers.snmp.seam import PollRequest

REDUCED: Final = MappingProxyType({Depth.LIGHT: without_names_and_ports, Depth.PULSE: pulse})


@dataclass(frozen=True, slots=True)
class Partial:
    """A platform asked for less, and the poll that asks a device for it."""

    platform: Platform
    request: PollRequest


def paced(device: Device, request: PollRequest) -> PollRequest:
    """The poll with the patience that its device's profile has."""
    pace = PACES[device.poll_profile]
    return replace(request, timeout_s=pace.timeout_s, retries=pace.retries, deadline_s=pace.deadline_s)


def between(
    devices: Mapping[str, Device], platforms: Mapping[str, Platform], requests: Mapping[str, PollRequest]
) -> dict[str, Partial]:
    """The partial poll of each device whose turns are not all whole."""

    @cache
    def reduced(name: str, depth: Depth) -> Platform:
        return REDUCED[depth](platforms[name])

    found: dict[str, Partial] = {}
    for name, whole in requests.items():
        depth = PACES[devices[name].poll_profile].between
        if depth is not Depth.WHOLE:
            platform = reduced(devices[name].platform, depth)
            scalars, columns = platform.wanted
            found[name] = Partial(platform, replace(whole, scalars=scalars, columns=columns))
    return found
