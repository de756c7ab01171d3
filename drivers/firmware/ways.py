"""The platforms that Plaza flashes, and how an image of each tells what it is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drivers.firmware import npk, trailer
from drivers.firmware.openwrt import OpenWrt
from drivers.firmware.routeros import RouterOs
from drivers.firmware.seam import Flasher
from drivers.firmware.trailer import Damaged, NotAnImage, Told

_ALL: Final[tuple[Flasher, ...]] = (OpenWrt(), RouterOs())
FLASHERS: Final[Mapping[str, Flasher]] = MappingProxyType({one.platform: one for one in _ALL})
"""By the platform of the inventory."""

READERS: Final[Mapping[str, Callable[[Path], Told]]] = MappingProxyType(
    {OpenWrt.platform: trailer.read, RouterOs.platform: npk.read}
)
"""By platform: what a file says of itself. Raises NotAnImage."""


def platform_of(file: Path) -> str:
    """What platform a file is plainly for, "" where it does not tell. Raises NotAnImage for one of none."""
    is_some = False
    for platform, read in READERS.items():
        try:
            told = read(file)
        except Damaged:
            return platform
        except NotAnImage:
            continue
        is_some = True
        if told.models or told.version:
            return platform
    if not is_some:
        raise NotAnImage("it is no firmware image, of OpenWrt (sysupgrade) or of RouterOS (.npk)")
    return ""
