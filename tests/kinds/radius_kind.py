"""An access point with MAC authentication, by the usual names; no vendor's recording."""

from typing import Final

from captive_portal.gateways.radius_mac import RadiusMacGateway
from captive_portal.model import GatewayKind, Wiring
from tests.kinds.example import KEY, LANDING, Example

RADIUS: Final = Example(
    name="radius",
    wiring=Wiring("08019-plaza", GatewayKind.RADIUS, KEY, LANDING, hosts=frozenset({"ap-1.example.mx"})),
    make=RadiusMacGateway,
    query="client_mac=02-CA-FE-5E-00-01&client_ip=10.99.0.23&nas=ap-1.example.mx&url=http://neverssl.com/",
    answer=None,
    elsewhere=("nas",),
)
