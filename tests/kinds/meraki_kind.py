"""Meraki's arrivals: click-through from an example's README (dexterlabora/excap-clientjs), sign-on from
Cisco's Captive Portal API manual; and a newer cloud's address as a splash server's author recorded it."""

from typing import Final

from captive_portal.gateways.meraki import CLICK_THROUGH, SIGN_ON, MerakiGateway
from captive_portal.gateways.wiring import password
from captive_portal.model import GatewayKind, Phone, PostForm, Redirect, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, Example

_HOSTS: Final = frozenset({"n143.network-auth.com"})
_MAUTH: Final = (
    "MM1SZQlKjZsbExZ8sXIegKpUGaShrHlYgSYDAUdgiuxDuS4j46GE2lgPsWNdf6irbns5oO6HUIahXvgUtKoW7fAr4OuNypBHRjnJ"
    "lRi2dEeqnE9s-YsURZog8i0pdzcApFaF0v3g6jTTOIrJMNSNiIFLOv67WLHXX4s3slfyo2ulZrhjqNQek2BJQgr17bTUXA4I3Rgfo6AEw"
)

MERAKI_CLICK_THROUGH: Final = Example(
    name="meraki-click-through",
    wiring=Wiring("08019-plaza", GatewayKind.MERAKI, KEY, LANDING, _HOSTS, variant=CLICK_THROUGH),
    make=MerakiGateway,
    query=(
        "base_grant_url=https%3A%2F%2Fn143.network-auth.com%2Fsplash%2Fgrant"
        "&user_continue_url=http%3A%2F%2Fspeedof.me%2F&node_id=149624922840090&node_mac=88:15:44:60:1c:1a"
        "&gateway_id=149624922840090&client_ip=10.255.60.208&client_mac=f4:5c:89:9b:17:67"
    ),
    answer=Redirect(
        "https://n143.network-auth.com/splash/grant"
        "?continue_url=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline&duration=3600"
    ),
    phone=Phone("f4:5c:89:9b:17:67", "10.255.60.208"),
    elsewhere=("base_grant_url",),
    onward=("user_continue_url",),
)

MERAKI_SIGN_ON: Final = Example(
    name="meraki-sign-on",
    wiring=Wiring("08019-plaza", GatewayKind.MERAKI, KEY, LANDING, _HOSTS, variant=SIGN_ON),
    make=MerakiGateway,
    query=(
        f"login_url=https%3A%2F%2Fn143.network-auth.com%2Fsplash%2Flogin%3Fmauth%3D{_MAUTH}"
        "%26continue_url%3Dhttp%253A%252F%252Fwww.ask.com%252F&continue_url=http%3A%2F%2Fwww.ask.com%2F"
        "&ap_mac=88%3A15%3A44%3A60%3A1c%3A1a&ap_name=mr53-ca&ap_tags=MR53+BLE+LivingRoom"
        "&client_mac=f4%3A5c%3A89%3A9b%3A17%3A67&client_ip=192.168.0.13"
    ),
    answer=PostForm(
        f"https://n143.network-auth.com/splash/login?mauth={_MAUTH}"
        "&continue_url=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline",
        {
            "username": GRANT.session,
            "password": password(KEY, GRANT.session),
            "success_url": LANDING,
        },
    ),
    phone=Phone("f4:5c:89:9b:17:67", "192.168.0.13"),
    elsewhere=("login_url",),
    onward=("continue_url",),
)
