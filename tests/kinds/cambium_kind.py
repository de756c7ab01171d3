"""Arrivals from a Cambium E400 of 3.2.1 and of 3.1, whose fields were recorded; only the phone is another."""

from dataclasses import replace
from typing import Final

from captive_portal.gateways.cambium import CambiumGateway
from captive_portal.model import GatewayKind, Phone, PostForm, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, PHONE, Example

_ARRIVED: Final = (
    "ga_ssid=ACE%20E400&ga_ap_mac=00-04-56-AC-B3-AA&ga_nas_id=E400-ACB3AA&ga_srvr=192.168.0.70"
    "&ga_cmac=02-CA-FE-5E-00-01&ga_Qv={0}&ga_orig_url=http%3A%2F%2Finit-s01st.push.apple.com%2Fbag"
)
_LOGIN: Final = "https://192.168.0.70:444/cgi-bin/hotspot_login.cgi?ga_Qv="
_FIELDS: Final = {"ga_user": GRANT.session, "ga_pass": "e3af7959d2107b5e3f3781c6"}
_QV: Final = "eUROBR86HBgAGDEEVgQGBRtPFwsdFzc-DkRaR0A3Vk9AJkxaUUNeVGRERFwVBB8mDw.."
OLD_QV: Final = (
    "yDN%05%1F%3A%1C%18%00%181%04V%04%00%1B%0E%14Y%15%02%00%26%152%01OF_Y%2C%5B_W%22FXVEW%7CYCVK%06%13%143%0C"
)

CAMBIUM: Final = Example(
    name="cambium",
    wiring=Wiring("08019-plaza", GatewayKind.CAMBIUM, KEY, LANDING, hosts=frozenset({"192.168.0.70:444"})),
    make=CambiumGateway,
    query=_ARRIVED.format(_QV),
    answer=PostForm(f"{_LOGIN}{_QV}", _FIELDS),
    phone=Phone(PHONE.mac),
    elsewhere=("ga_srvr",),
    onward=("ga_orig_url",),
)

CAMBIUM_OLD: Final = replace(
    CAMBIUM,
    name="cambium-3.1",
    query=_ARRIVED.format(OLD_QV),
    answer=PostForm(f"{_LOGIN}{OLD_QV}", _FIELDS),
)
