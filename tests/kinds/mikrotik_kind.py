"""A MikroTik hotspot's arrival: the challenge is the one printed in the RouterOS manual."""

from typing import Final

from captive_portal.gateways.mikrotik import MikrotikGateway
from captive_portal.model import GatewayKind, Phone, PostForm, Redirect, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, PHONE, Example

CHAP_ID: Final = r"\371"
CHALLENGE: Final = r"\357\015\330\013\021\234\145\245\303\253\142\246\133\175\375\316"
DIGEST: Final = "3cae79ccc7fe36d40521cfec9b21b4b7"  # by md5sum of the three
ARRIVED: Final = (
    "mac=02%3ACA%3AFE%3A5E%3A00%3A01&ip=10.5.50.2&identity=Wandy&server-name=hs-guests"
    "&link-login-only={0}&link-orig=http%3A%2F%2Fwww.msftconnecttest.com%2Fredirect&username=&error="
)
CHALLENGED: Final = (
    "&chap-id=%5C371&chap-challenge=%5C357%5C015%5C330%5C013%5C021%5C234%5C145%5C245%5C303%5C253%5C142%5C246"
    "%5C133%5C175%5C375%5C316"
)
WIRING: Final = Wiring(
    "08019-plaza",
    GatewayKind.MIKROTIK,
    KEY,
    LANDING,
    hosts=frozenset({"10.5.50.1", "entrada.example.mx"}),
)
_PHONE: Final = Phone(PHONE.mac, "10.5.50.2")

MIKROTIK_CHAP: Final = Example(
    name="mikrotik-chap",
    wiring=WIRING,
    make=MikrotikGateway,
    query=ARRIVED.format("http%3A%2F%2F10.5.50.1%2Flogin") + CHALLENGED,
    answer=Redirect(
        f"http://10.5.50.1/login?username={GRANT.session}&password={DIGEST}"
        "&dst=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline"
    ),
    phone=_PHONE,
    elsewhere=("link-login-only",),
    onward=("link-orig",),
    way_out=Redirect("http://10.5.50.1/logout?erase-cookie=on"),
)

MIKROTIK_HTTPS: Final = Example(
    name="mikrotik-https",
    wiring=WIRING,
    make=MikrotikGateway,
    query=ARRIVED.format("https%3A%2F%2Fentrada.example.mx%2Flogin"),
    answer=PostForm(
        "https://entrada.example.mx/login",
        {"username": GRANT.session, "password": "e3af7959d2107b5e3f3781c6", "dst": LANDING},
    ),
    phone=_PHONE,
    elsewhere=("link-login-only",),
    onward=("link-orig",),
    way_out=Redirect("https://entrada.example.mx/logout?erase-cookie=on"),
)
