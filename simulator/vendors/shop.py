"""The vendors' devices that a spec may name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from simulator.errors import AddressTaken
from simulator.model import VendorSpec
from simulator.vendors.aruba_instant import ArubaInstant
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.cisco_startup import Flavour
from simulator.vendors.cnpilot import CnPilot
from simulator.vendors.device import Box, Vendor
from simulator.vendors.routeros import RouterOs
from simulator.vendors.routeros_startup import hand_made
from simulator.vendors.server import VendorServer


def _routeros(box: Box) -> Vendor:
    device = RouterOs(box)
    hand_made(device)
    return device


VENDORS: Final[Mapping[str, Callable[[Box], Vendor]]] = MappingProxyType(
    {
        "aruba_instant": ArubaInstant,
        "cambium_cnpilot": CnPilot,
        "cisco_9800": lambda box: CiscoIos(Flavour.CATALYST, box),
        "cisco_ios": lambda box: CiscoIos(Flavour.AUTONOMOUS, box),
        "mikrotik_routeros": _routeros,
    }
)
"""By the platform's name in an inventory."""


def opened(seed: int, spec: VendorSpec) -> VendorServer:
    """Its server, listening and not yet answering. Raises AddressTaken."""
    ssh = spec.ssh
    device = VENDORS[spec.vendor](Box(spec.minute_s))
    try:
        at = (ssh.address.host, ssh.address.port)
        return VendorServer(device, seed, ssh.user, ssh.password, (ssh.authorized_key,), at)
    except OSError as error:
        raise AddressTaken(f"{spec.name} ssh", str(ssh.address), error.strerror or str(error)) from error
