"""Builds what the portal knows of a site from the leaves that won: its gateway, its plan, its pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from captive_portal.gateway.policy import Filter, Terms
from captive_portal.local import Help, LegalRetention, Local, Neutral, Responsible, Service, Theme
from controller.inventory_levels import Leaves, part, value
from controller.model import OwnGateway, Portal, Uplink

LEGAL: Final = ("signed_by", "signed_on", "basis", "days")
"""What the decision to keep addresses must say, all of it."""

_NESTED: Final[Mapping[str, tuple[str, str]]] = {
    "controller_url": ("controller", "url"),
    "controller_site": ("controller", "site"),
    "controller_fingerprint": ("controller", "fingerprint"),
    "radius_client": ("radius", "client"),
    "radius_credentials": ("radius", "credentials"),
    "down_kbps": ("rate", "down_kbps"),
    "up_kbps": ("rate", "up_kbps"),
}
"""The fields of a Portal that the file writes in a map of their own."""

_RATES: Final = ("down_kbps", "up_kbps")
_GATEWAY: Final = ("when_controller_away", "ipv6", "garden", "appeal", "key_epoch", "guests")
"""The fields of an OwnGateway that the file writes under their own name."""


def portal(leaves: Leaves) -> Portal:
    """The portal settings of a site."""
    nested = {
        field: found for field, keys in _NESTED.items() if (found := value(leaves, "portal", *keys) or None)
    }
    return Portal(**_written(leaves, "portal"), **nested)


def pages(leaves: Leaves) -> Local:
    """What a site says on its pages. A decision to keep addresses that is not whole is none."""
    legal = _written(leaves, "pages", "legal")
    return Local(
        theme=Theme(**_written(leaves, "pages", "theme")),
        neutral=tuple(Neutral(days.start, days.end) for days in value(leaves, "pages", "neutral") or ()),
        responsible=Responsible(**_written(leaves, "pages", "responsible")),
        help=Help(**_written(leaves, "pages", "help")),
        services=tuple(Service(one.name, one.url) for one in value(leaves, "pages", "services") or ()),
        legal=LegalRetention(**legal) if legal.keys() == set(LEGAL) else None,
    )


def gateway(leaves: Leaves, uplink: Uplink) -> OwnGateway:
    """What our own gateway does at a site with such an uplink."""
    written = _written(leaves, "gateway")
    told = {name: written[name] for name in _GATEWAY if name in written}
    length = value(leaves, "gateway", "away", "duration") or timedelta(seconds=Terms().seconds)
    rates = (value(leaves, "gateway", "away", "rate", name) or 0 for name in _RATES)
    return OwnGateway(
        **told,
        away=Terms(int(length.total_seconds()), value(leaves, "gateway", "away", "octets") or 0, *rates),
        dns=value(leaves, "gateway", "dns", "policy") or Filter.NONE,
        resolvers=value(leaves, "gateway", "dns", "resolvers") or (),
        line_down_kbps=value(leaves, "gateway", "line", "down_kbps") or uplink.down_mbps * 1000,
        line_up_kbps=value(leaves, "gateway", "line", "up_kbps") or uplink.up_mbps * 1000,
    )


def _written(leaves: Leaves, *above: str) -> dict[str, Any]:
    return {key: found for key, found in part(leaves, above).items() if found is not None}
