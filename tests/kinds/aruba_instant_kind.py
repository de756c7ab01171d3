"""Arrivals from an Aruba Instant (2019) and an Instant On (2021), as recorded; only the phones are others."""

from typing import Final

from captive_portal.gateways.aruba_instant import ArubaInstantGateway
from captive_portal.model import GatewayKind, Phone, PostForm, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, PHONE, Example

_WIRING: Final = Wiring(
    "08019-plaza",
    GatewayKind.ARUBA_INSTANT,
    KEY,
    LANDING,
    hosts=frozenset({"aruba.odyssys.net", "captive-2020.aio.cloudauth.net"}),
)
_FIELDS: Final = {
    "cmd": "authenticate",
    "user": GRANT.session,
    "password": "e3af7959d2107b5e3f3781c6",
    "url": LANDING,
}

ARUBA_INSTANT: Final = Example(
    name="aruba_instant",
    wiring=_WIRING,
    make=ArubaInstantGateway,
    query=(
        "cmd=login&mac=02:ca:fe:5e:00:01&essid=Google%20Starbucks&ip=172.31.98.111"
        "&apname=18%3A64%3A72%3Ace%3Ae3%3Ab1&apmac=18%3A64%3A72%3Ace%3Ae3%3Ab1&vcname=S00772-VC"
        "&switchip=aruba.odyssys.net&url=http%3A%2F%2Fduckduckgo.com%2F"
    ),
    answer=PostForm("https://aruba.odyssys.net/swarm.cgi", _FIELDS),
    phone=Phone(PHONE.mac, "172.31.98.111"),
    elsewhere=("switchip",),
    onward=("url",),
)

ARUBA_INSTANT_ON: Final = Example(
    name="aruba_instant_on",
    wiring=_WIRING,
    make=ArubaInstantGateway,
    query=(
        "cmd=login&mac=02%3Aca%3Afe%3A5e%3A00%3A01&network=wifi.ten&ip=172.16.0.221"
        "&apmac=d0%3A15%3Aa6%3Ac2%3A74%3Ad0&site=wifi-ten%20Site&post=captive-2020.aio.cloudauth.net"
        "&url=http%3A%2F%2Fconnectivitycheck.gstatic.com%2Fgenerate_204"
    ),
    answer=PostForm("https://captive-2020.aio.cloudauth.net/swarm.cgi", _FIELDS),
    phone=Phone(PHONE.mac, "172.16.0.221"),
    elsewhere=("post",),
    onward=("url",),
)
