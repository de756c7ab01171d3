"""SmartZone's arrival, with its addresses in clear."""

from typing import Final

from captive_portal.gateways.ruckus_smartzone import SmartZoneGateway
from captive_portal.model import GatewayKind, Wiring
from tests.kinds.example import KEY, LANDING, Example

RUCKUS_SMARTZONE: Final = Example(
    name="ruckus-smartzone",
    wiring=Wiring(
        site="08019-plaza",
        kind=GatewayKind.RUCKUS_SMARTZONE,
        key=KEY,
        landing=LANDING,
        hosts=frozenset({"00:33:58:16:ef:20"}),
        secret=b"operador-4711",
        user="plaza",
        api_url="https://localhost:9443",
    ),
    make=SmartZoneGateway,
    query="nbiIP=192.168.200.211&client_mac=02:CA:FE:5E:00:01&domain_name=Administration+Domain"
    "&reason=Un-Auth-Captive&wlanName=plaza&dn=scg.ruckuswireless.com&ssid=Plaza+Gratis"
    "&mac=00:33:58:16:ef:20&url=http%3A%2F%2Fconnectivitycheck.gstatic.com%2Fgenerate_204&proxy=0&vlan=1"
    "&wlan=1&sip=scg.ruckuswireless.com&zoneName=centro&apip=192.168.200.32&sshTunnelStatus=1"
    "&uip=10.99.0.23&StartURL=https%3A%2F%2Fwww.example.org",
    answer=None,
    elsewhere=("mac",),
    onward=("url", "StartURL"),
)
