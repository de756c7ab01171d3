"""How a citizen's word ends a session: its gateway hears of it from us, or from the phone itself."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways import cisco_wlc, mikrotik, opennds, uam
from captive_portal.gateways.ending import Ending, ending
from captive_portal.gateways.wiring import url_of
from captive_portal.model import Arrival, GatewayKind, PostForm, Redirect, Wiring

_ADDRESSES: Final[Mapping[GatewayKind, Callable[[Arrival], str]]] = MappingProxyType(
    {
        GatewayKind.OPENNDS: opennds.logout,
        GatewayKind.COOVACHILLI: uam.logout,
        GatewayKind.USPOT: uam.logout,
        GatewayKind.MIKROTIK: mikrotik.logout,
        GatewayKind.CISCO_WLC: cisco_wlc.logout,
    }
)
"""The kinds where a phone that is in can log itself out, and where."""

_FORMS: Final[Mapping[GatewayKind, Mapping[str, str]]] = MappingProxyType(
    {GatewayKind.CISCO_WLC: cisco_wlc.LOGOUT}
)
"""What is posted there; the others take a GET."""


def logout_of(wiring: Wiring, arrival: Arrival) -> str:
    """The logout address of the gateway that this phone came from; "" where its kind has none."""
    address = _ADDRESSES.get(wiring.kind)
    return address(arrival) if address else ""


def logs_out(kind: GatewayKind) -> bool:
    """Whether a phone that is in can log itself out at gateways of this kind."""
    return kind in _ADDRESSES


def way_out(wiring: Wiring, address: str) -> Redirect | PostForm | None:
    """What the phone does at a logout address that was kept of its arrival.

    None for "", and for one that is none of this site's gateways (any more).
    """
    if not address or wiring.kind not in _ADDRESSES:
        return None
    try:
        url = url_of(wiring, address)
    except ArrivalInvalid:
        return None
    fields = _FORMS.get(wiring.kind)
    return PostForm(url, fields) if fields else Redirect(url)


def hears(wiring: Wiring) -> bool:
    """Whether its gateway hears of it from us, at its sync or because it is told."""
    return ending(wiring.kind, wiring.api_url) is not Ending.TIME
