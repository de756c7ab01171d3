"""Who should give how many samples an hour, and in which zone each municipality lives: for the rollups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from controller import profiles
from controller.health import polled
from controller.model import Inventory
from controller.profiles import Depth
from controller.settings import Settings
from drivers.collect import tags_of
from drivers.definition import load_platforms
from drivers.model import Device
from metrics.catalog import MEASUREMENTS
from metrics.local.roster import Roster

_HOUR_S: Final = 3600
_SLOTS: Final = 12  # hotspot_mun has one each five minutes
_ELSEWHERE: Final = "UTC"

Tags = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Zones:
    """Of the municipalities of an inventory. See metrics.local.rollup.Places."""

    inventory: Inventory

    def zone_of(self, mun: str) -> str:
        """UTC for one that is no longer in it."""
        municipality = self.inventory.municipalities.get(mun)
        return municipality.zone if municipality else _ELSEWHERE


def roster(inventory: Inventory, settings: Settings) -> Roster:
    """Everybody who is asked by this inventory. Access points below a controller are known by their samples.

    Nobody knows how often a gateway tells something, nor whether a portal has a visitor.
    """
    normal_s = settings.poll_interval_s
    asked = [device for device in inventory.devices.values() if polled(device)]
    probed = [site for site in inventory.sites.values() if site.probe]

    def otherwise(measurement: str, tags: Tags) -> int:
        return _of_series(inventory, measurement, tags, normal_s)

    return Roster(
        {
            "wifi_ap": dict(_devices(asked, normal_s)),
            "hotspot_mun": {(device.municipality,): _SLOTS for device in asked},
            "service": {(site.municipality, site.key): 60 // settings.probe_minutes for site in probed},
        },
        otherwise,
    )


def _devices(asked: list[Device], normal_s: int) -> Iterator[tuple[Tags, int]]:
    platforms = load_platforms()
    for device in asked:
        tags = tags_of(device, platforms[device.platform])
        yield tuple(tags.values()), profiles.expected_per_hour(device, normal_s, own=True)


def _of_series(inventory: Inventory, measurement: str, tags: Tags, normal_s: int) -> int:
    """By its tag `ap`: the name of a device, or <controller>/<access point>."""
    known = MEASUREMENTS[measurement].tags
    if "ap" not in known:
        return 0
    name, _, managed = tags[known.index("ap")].partition("/")
    device = inventory.devices.get(name)
    if device is None:
        return _HOUR_S // normal_s
    if measurement == "wifi_ssid" and profiles.PACES[device.poll_profile].between is not Depth.WHOLE:
        return max(1, _HOUR_S // profiles.memory_s(device, normal_s))
    own = measurement == "wifi_ap" and not managed
    return profiles.expected_per_hour(device, normal_s, own=own)
