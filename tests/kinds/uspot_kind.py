"""uspot's arrival as its `portal.uc` writes it, over TIP's SSID and with its HTTPS address.

No recorded one was found whose secret is known: this one is made by its rules, and its `md` by hand. uspot
signs the SSID as it is, and a browser sends its space as `%20`.
"""

from typing import Final

from captive_portal.gateways.uspot import UspotGateway
from captive_portal.model import GatewayKind, Phone, Redirect, Wiring
from tests.kinds.example import KEY, LANDING, Example

USPOT: Final = Example(
    name="uspot",
    wiring=Wiring(
        "08019-plaza",
        GatewayKind.USPOT,
        KEY,
        LANDING,
        hosts=frozenset({"10.0.0.1:3990", "captive.example.org:3991"}),
        secret=b"secret123",
        portal_url="https://portal.example.mx/p/08019-plaza",
    ),
    make=UspotGateway,
    query=(
        "res=notyet&uamip=10.0.0.1&uamport=3990&challenge=8C0C2E5E3F1DBA5367DF2C35C2240BC9"
        "&mac=02:ca:fe:5e:00:01&ip=10.0.0.23&called=48-8F-5A-00-00-01&nasid=08019-plaza"
        "&sessionid=0f1e2d3c4b5a6978&ssid=Plaza%20Libre&ssl=https%3A%2F%2Fcaptive.example.org%3A3991%2F"
        "&userurl=http%3A%2F%2Fneverssl.com%2F&md=356A982D28063A0CABEEE4D937102B78"
    ),
    answer=Redirect(
        "https://captive.example.org:3991/logon?username=0123456789abcdef0123456789abcdef"
        "&response=c8d40ad3b80548717042460f672355ae"
        "&userurl=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline"
    ),
    phone=Phone("02:ca:fe:5e:00:01", "10.0.0.23"),
    elsewhere=("uamip", "ssl"),
    onward=("userurl",),
    way_out=Redirect("https://captive.example.org:3991/logoff"),
)
