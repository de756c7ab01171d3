"""The network names that citizens see."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from drivers.model import Device, Lifecycle, Security

_WITHOUT_PASSWORD: Final = (Security.OPEN, Security.OWE)


def names(devices: Iterable[Device]) -> list[str]:
    """The names that devices in use give without a password, the most frequent first."""
    found = Counter(
        ssid.name
        for device in devices
        if device.state is not Lifecycle.RETIRED
        for ssid in device.ssids
        if ssid.security in _WITHOUT_PASSWORD
    )
    return sorted(found, key=lambda name: (-found[name], name))


def code(name: str) -> str:
    """What a camera reads to join an open network (ZXing's format: \\ ; , : and " are escaped)."""
    escaped = "".join(f"\\{one}" if one in '\\;,:"' else one for one in name)
    return f"WIFI:T:nopass;S:{escaped};;"
