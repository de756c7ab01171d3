"""Our own gateway's arrival: signed, and without any address of the phone."""

from datetime import UTC, datetime
from typing import Final

from captive_portal.gateway.ticket import Fields, seal
from captive_portal.gateways.plaza import PlazaGateway
from captive_portal.model import GatewayKind, Redirect, Wiring
from tests.kinds.example import GRANT, KEY, LANDING, Example

_NOW: Final = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
_WIRING: Final = Wiring(
    "08019-plaza",
    GatewayKind.PLAZA,
    KEY,
    LANDING,
    hosts=frozenset({"10.99.0.1:2060"}),
    api_url="http://10.99.0.1:2060",
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
    wiring=_WIRING,
    make=lambda wiring: PlazaGateway(wiring, lambda: _NOW),
    query=f"a={seal(KEY, 'arrival', {**_ARRIVED})}",
    answer=Redirect(f"http://10.99.0.1:2060/grant?g={_TICKET}"),
    phone=None,
)
