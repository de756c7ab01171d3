"""Our own gateway's arrival: signed, and without any address of the phone."""

from datetime import UTC, datetime, timedelta
from typing import Final

from captive_portal.gateway.ticket import Fields, seal
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.gateways.wiring import Wiring
from captive_portal.model import GatewayKind, Plan, PortalSite, Redirect
from tests.kinds.example import GRANT, KEY, LANDING, Example

_NOW: Final = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
_SITE: Final = PortalSite(
    key="08019-plaza",
    name="Plaza de Armas",
    municipality="08019",
    municipality_name="Chihuahua",
    zone="America/Chihuahua",
    languages=("es", "en"),
    plan=Plan("hora", timedelta(hours=1)),
    gateway=GatewayKind.PLAZA,
    gateway_url="http://10.99.0.1:2060",
    gateway_key=KEY,
)
_ARRIVED: Final[Fields] = {
    "site": "08019-plaza",
    "device": "d" * 32,
    "binding": "b" * 32,
    "stamp": "77",
    "nonce": "n" * 16,
}
_TICKET: Final = seal(
    KEY,
    "ticket",
    {**_ARRIVED, "session": GRANT.session, "seconds": 3600, "octets": 0, "lang": "es"}
    | {"issued": int(_NOW.timestamp())},
)

PLAZA: Final = Example(
    name="plaza",
    wiring=Wiring("08019-plaza", GatewayKind.PLAZA, KEY, LANDING, hosts=frozenset({"10.99.0.1:2060"})),
    make=lambda _wiring: PlazaGateway(_SITE, lambda: _NOW),
    query=f"a={seal(KEY, 'arrival', {**_ARRIVED})}",
    answer=Redirect(f"http://10.99.0.1:2060/grant?g={_TICKET}"),
    phone=None,
)
