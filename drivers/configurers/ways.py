"""The platforms Plaza configures, and who configures those that it only watches."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from drivers.configurers.airos import AirOs
from drivers.configurers.aruba_instant import ArubaInstant
from drivers.configurers.cisco_ios import CISCO_9800, CISCO_IOS
from drivers.configurers.cnpilot import CnPilot
from drivers.configurers.linux import Linux
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.routeros import RouterOs
from drivers.configurers.seam import Configurer

_ALL: Final[tuple[Configurer, ...]] = (
    AirOs(),
    ArubaInstant(),
    CISCO_9800,
    CISCO_IOS,
    CnPilot(),
    Linux(),
    OpenWrt(),
    RouterOs(),
)
CONFIGURERS: Final[Mapping[str, Configurer]] = MappingProxyType({one.platform: one for one in _ALL})
"""By the platform of the inventory; a platform that is not here is only watched."""

CONTROLLERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ubiquiti_unifi": "its UniFi Network controller",
        "tplink_eap": "its Omada controller",
        "ruckus_sz": "its SmartZone controller",
    }
)
"""Who configures platforms whose own settings a controller would overwrite."""


def why_only_watched(platform: str) -> str:
    """Why Plaza does not configure this platform, as a sentence for a technician."""
    if platform in CONTROLLERS:
        return f"{platform} is configured through {CONTROLLERS[platform]}; Plaza only watches it"
    return f"Plaza only watches the platform {platform}"
