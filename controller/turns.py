"""What each turn of a device asks for, and what its last whole poll said of what turns between do not ask."""

from dataclasses import dataclass, field

from controller import profiles
from controller.profiles import Depth
from controller.wheel import slot
from drivers.model import Device

Service = tuple[bool | None, str]
"""Whether citizens can be served, None when nobody knows, and why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One poll of one device: its slot, how deep it asks, and the service as of the last whole poll."""

    at: int
    depth: Depth = Depth.WHOLE
    service: Service = (None, "")


@dataclass(slots=True)
class Turns:
    """Remembers, by device, the slot of its last whole poll and the service found then.

    The first poll after a start is whole; polls of one slot are equally deep, because the later one replaces
    the samples of the one before.
    """

    normal_s: int
    _whole_at: dict[str, int] = field(default_factory=dict)
    _service: dict[str, Service] = field(default_factory=dict)

    def next(self, device: Device, wall_s: float) -> Turn:
        """The turn of a device that is asked at this time."""
        at = slot(wall_s, device.name, profiles.interval_s(device, self.normal_s))
        service = self._service.get(device.name)
        if service is None or self._whole_at[device.name] == at:
            return Turn(at)
        return Turn(at, profiles.depth(device, self.normal_s, at), service)

    def heard(self, device: Device, turn: Turn, service: Service) -> None:
        """A poll was answered in full."""
        if turn.depth is Depth.WHOLE:
            self._whole_at[device.name], self._service[device.name] = turn.at, service
