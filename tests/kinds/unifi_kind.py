"""UniFi's arrival, by either API: unsigned, at one of the site's access points."""

from dataclasses import replace
from typing import Final

from captive_portal.gateways.unifi import INTEGRATION, UNIFI_OS, UnifiGateway
from captive_portal.model import GatewayKind, Phone, Wiring
from tests.kinds.example import KEY, LANDING, Example

UNIFI: Final = Example(
    name="unifi",
    wiring=Wiring(
        site="08019-plaza",
        kind=GatewayKind.UNIFI,
        key=KEY,
        landing=LANDING,
        hosts=frozenset({"74:ac:b9:00:10:01", "74:ac:b9:00:10:02"}),
        secret=b"operador-4711",
        user="plaza",
        api_url="https://localhost:8443",
        api_site="s3x9kq2p",
    ),
    make=UnifiGateway,
    query="id=02:ca:fe:5e:00:01&ap=74:ac:b9:00:10:01&t=1796790000"
    "&url=http%3a%2f%2fcaptive.apple.com%2fhotspot-detect.html&ssid=Plaza%20Gratis",
    answer=None,
    phone=Phone("02:ca:fe:5e:00:01"),
    elsewhere=("ap",),
    onward=("url",),
)
UNIFI_CONSOLE: Final = replace(
    UNIFI, name="unifi-os", wiring=replace(UNIFI.wiring, variant=UNIFI_OS, api_url="https://localhost")
)
UNIFI_KEYED: Final = replace(
    UNIFI,
    name="unifi-integration",
    wiring=replace(UNIFI.wiring, variant=INTEGRATION, user="", api_url="https://localhost"),
)
