"""A Cisco controller's arrival, as one in Tokyo was recorded; only the phone is another."""

from typing import Final

from captive_portal.gateways.cisco_wlc import CiscoWlcGateway
from captive_portal.model import GatewayKind, Phone, PostForm, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, PHONE, Example

CISCO_WLC: Final = Example(
    name="cisco_wlc",
    wiring=Wiring(
        "08019-plaza",
        GatewayKind.CISCO_WLC,
        KEY,
        LANDING,
        hosts=frozenset({"wlanauth.noc.titech.ac.jp", "192.0.2.1"}),
    ),
    make=CiscoWlcGateway,
    query=(
        "switch_url=https://wlanauth.noc.titech.ac.jp/login.html&ap_mac=04:c5:a4:93:7c:60"
        "&client_mac=02:ca:fe:5e:00:01&wlan=TokyoTech&redirect=www.gstatic.com/generate_204"
    ),
    answer=PostForm(
        "https://wlanauth.noc.titech.ac.jp/login.html",
        {
            "buttonClicked": "4",
            "redirect_url": LANDING,
            "err_flag": "0",
            "username": GRANT.session,
            "password": "e3af7959d2107b5e3f3781c6",
        },
    ),
    phone=Phone(PHONE.mac),
    elsewhere=("switch_url",),
    onward=("redirect",),
    way_out=PostForm(
        "https://wlanauth.noc.titech.ac.jp/logout.html", {"userStatus": "1", "err_flag": "0", "err_msg": ""}
    ),
)
