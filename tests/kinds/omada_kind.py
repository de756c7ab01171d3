"""Omada's arrival: by an access point before 6.2.10, and by a gateway since."""

from dataclasses import replace
from typing import Final

from captive_portal.gateways.omada import OmadaGateway
from captive_portal.model import GatewayKind, Phone, Wiring
from tests.kinds.example import KEY, LANDING, PHONE, Example

OMADA: Final = Example(
    name="omada",
    wiring=Wiring(
        site="08019-plaza",
        kind=GatewayKind.OMADA,
        key=KEY,
        landing=LANDING,
        hosts=frozenset({"b0:19:21:04:1e:12", "b0:19:21:04:1e:99"}),
        secret=b"operador-4711",
        user="plaza",
        api_url="https://localhost:8043/15ab5e2c9d7f4b0c8a1e3d6f7a9bec59",
        api_site="69bca1d3470cf665361476f0",
    ),
    make=OmadaGateway,
    query="clientMac=02-CA-FE-5E-00-01&apMac=B0-19-21-04-1E-12&ssidName=Plaza+Gratis&t=1796790000000000"
    "&radioId=1&site=69bca1d3470cf665361476f0&redirectUrl=http%3A%2F%2Fwww.example.org%2F",
    answer=None,
    phone=Phone("02:ca:fe:5e:00:01"),
    elsewhere=("apMac",),
    onward=("redirectUrl",),
)
OMADA_GATEWAY: Final = replace(
    OMADA,
    name="omada-gateway",
    query="clientMac=02-CA-FE-5E-00-01&clientIp=10.99.0.23&gatewayMac=B0-19-21-04-1E-99&vid=20"
    "&t=1796790000000000&site=69bca1d3470cf665361476f0&redirectUrl=http%3A%2F%2Fwww.example.org%2F",
    phone=PHONE,
    elsewhere=("gatewayMac",),
)
