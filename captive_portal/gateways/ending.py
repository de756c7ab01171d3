"""How a gateway learns that a session is to end before its time."""

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.letting_go import SCHEME
from captive_portal.model import GatewayKind

TELL_EVERY_S: Final = 15
"""How often the worker tells gateways who is to go."""


class Ending(StrEnum):
    """SYNC: it asks, at each of its syncs. TOLD: we tell it. TIME: not at all, its time ends a session."""

    SYNC = "sync"
    TOLD = "told"
    TIME = "time"


_BY_CONTROLLER: Final = frozenset({GatewayKind.OMADA, GatewayKind.UNIFI, GatewayKind.RUCKUS_SMARTZONE})
_BY_TIME: Final = frozenset({GatewayKind.OPENNDS, GatewayKind.MERAKI})


def ending(kind: GatewayKind, api_url: str) -> Ending:
    """By its kind; those with RADIUS behind them only where `api_url` says whom to tell (RFC 5176).

    openNDS 9.10.0 refuses an `ndsctl auth` of a phone that is in, so at no FAS level can its time be cut.
    """
    if kind is GatewayKind.PLAZA:
        return Ending.SYNC
    if kind in _BY_CONTROLLER:
        return Ending.TOLD
    can_be_told = kind not in _BY_TIME and urlsplit(api_url).scheme == SCHEME
    return Ending.TOLD if can_be_told else Ending.TIME
