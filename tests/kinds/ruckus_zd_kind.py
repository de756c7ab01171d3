"""A Ruckus Unleashed's arrival, as recorded; only the phone is another, and one with a name of its own."""

from dataclasses import replace
from typing import Final

from captive_portal.gateways.ruckus_zd import RuckusZdGateway
from captive_portal.model import GatewayKind, Phone, PostForm, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, PHONE, Example

_ARRIVED: Final = (
    "sip=192.168.0.253&mac=b479c83c4b20&client_mac=02cafe5e0001&uip=192.168.1.106&lid=&dn={0}"
    "&url=http%3a%2f%2fcaptive.apple.com%2fhotspot%2ddetect.html&ssid=Captive+Ruckus+Test&loc=&vlan=1"
)
_HOSTS: Final = {"192.168.0.253:9998", "unleashed.ruckuswireless.com:9998", "zd.example.mx:9998"}
_FIELDS: Final = {"ip": "192.168.1.106", "username": GRANT.session, "password": "e3af7959d2107b5e3f3781c6"}

UNLEASHED: Final = Example(
    name="ruckus_unleashed",
    wiring=Wiring(
        "08019-plaza",
        GatewayKind.RUCKUS_ZD,
        KEY,
        LANDING,
        hosts=frozenset(_HOSTS),
        variant="unleashed",
    ),
    make=RuckusZdGateway,
    query=_ARRIVED.format(""),
    answer=PostForm("https://unleashed.ruckuswireless.com:9998/login", _FIELDS),
    phone=Phone(PHONE.mac, "192.168.1.106"),
    elsewhere=("sip",),
    onward=("url",),
)

RUCKUS_ZD: Final = replace(
    UNLEASHED,
    name="ruckus_zd",
    wiring=replace(UNLEASHED.wiring, variant=""),
    query=_ARRIVED.format("zd.example.mx"),
    answer=PostForm("https://zd.example.mx:9998/login", _FIELDS),
    elsewhere=("sip", "dn"),
)
