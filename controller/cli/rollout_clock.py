"""The times of a rollout as a person reads them: in one zone, which is named, and how long until then."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from controller.model import Inventory

_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Clock:
    """`zone` is an IANA name, "" for this machine's; `now` is in epoch seconds."""

    zone: str
    now: int

    def at(self, at: int) -> str:
        """A moment."""
        shown = "%Y-%m-%d %H:%M:%S"
        if self.zone:
            return f"{datetime.fromtimestamp(at, ZoneInfo(self.zone)):{shown}} {self.zone}"
        return f"{datetime.fromtimestamp(at).astimezone():{shown} %z}"

    def until(self, at: int) -> str:
        """A moment that is waited for."""
        left = f"in {lasting(at - self.now)}" if at > self.now else "now"
        return f"{self.at(at)} ({left})"


def clock_of(inventory: Inventory, devices: Iterable[str], now: int) -> Clock:
    """The zone of these devices' maintenance windows where they share one, else this machine's."""
    known = (inventory.devices[name] for name in devices if name in inventory.devices)
    zones = {inventory.municipalities[device.municipality].zone for device in known}
    return Clock(zones.pop() if len(zones) == 1 else "", now)


def lasting(seconds: int) -> str:
    """A span of time in its two largest units: 45 s, 9 min 40 s, 2 h, 3 d 4 h."""
    place = next((number for number, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    said: list[str] = []
    for unit, size in _UNITS[place : place + 2]:
        count, seconds = divmod(seconds, size)
        said += [f"{count} {unit}"] if count or not said else []
    return " ".join(said)


def iso(at: int) -> str | None:
    """UTC, for a program; None for 0."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
