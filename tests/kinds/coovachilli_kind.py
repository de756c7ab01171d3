"""CoovaChilli's arrival, recorded in a comment of a public portal's C source (its session is of June 2016).

`change-me` is the uamsecret in the `defaults` that CoovaChilli ships with: by it the recorded `md` is right.
"""

from typing import Final

from captive_portal.gateways.coovachilli import CoovaChilliGateway
from captive_portal.model import GatewayKind, Phone, Redirect, Wiring
from tests.kinds.example import KEY, LANDING, Example

CHALLENGE: Final = "3b12e0d4be4270ab4554c9a96d91efbe"

COOVACHILLI: Final = Example(
    name="coovachilli",
    wiring=Wiring(
        "08019-plaza",
        GatewayKind.COOVACHILLI,
        KEY,
        LANDING,
        hosts=frozenset({"192.168.3.1:3990"}),
        secret=b"change-me",
        portal_url="http://192.168.3.1:8989/prelogin.html",
    ),
    make=CoovaChilliGateway,
    query=(
        f"res=notyet&uamip=192.168.3.1&uamport=3990&challenge={CHALLENGE}"
        "&called=44-37-E6-37-D3-61&mac=54-4E-90-A1-FB-37&ip=192.168.3.3&nasid=nas01"
        "&sessionid=574f032100000002&userurl=http%3a%2f%2fcaptive.apple.com%2fhotspot-detect.html"
        "&md=5074BAE26CC5522A709A8143E8D4AC51"
    ),
    answer=Redirect(
        "http://192.168.3.1:3990/logon?username=0123456789abcdef0123456789abcdef"
        "&response=8a8d8747e495d3e1e28be214e3b13b0b"
        "&userurl=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline"
    ),
    phone=Phone("54:4e:90:a1:fb:37", "192.168.3.3"),
    elsewhere=("uamip",),
    onward=("userurl",),
    way_out=Redirect("http://192.168.3.1:3990/logoff"),
)
