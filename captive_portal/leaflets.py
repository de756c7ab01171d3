"""The pages that only inform, by the last word of their address: what their templates need of a site."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from captive_portal import notice
from captive_portal.model import PortalSite
from captive_portal.retention import Retention

Leaflet = Callable[[PortalSite], Mapping[str, Any]]
"""The values of a template; all of them are hashable."""

_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ().-]*")


def leaflets(retention: Retention) -> Mapping[str, Leaflet]:
    """The pages of a portal whose store is purged by these periods."""
    return MappingProxyType(
        {
            "help": lambda site: {"tel": tel(site.local.help.phone)},
            "notice": lambda site: {"facts": notice.facts(site, retention)},
            "notice-full": lambda site: {
                "facts": notice.facts(site, retention),
                "tel": tel(site.local.responsible.phone),
                "version": notice.version(site, retention),
            },
            "services": lambda site: {"services": _safe_services(site)},
        }
    )


LEAFLETS: Final = leaflets(Retention())
"""The pages where the periods are Plaza's own."""


def tel(phone: str) -> str:
    """The first number in a text, as a `tel:` address (RFC 3966) without separators; "" where it has none."""
    found = _NUMBER.search(phone)
    return f"tel:{re.sub('[^+0-9]', '', found[0])}" if found else ""


def _safe_services(site: PortalSite) -> tuple[tuple[str, str], ...]:
    """Name and address of each service whose address is a web page that nobody on the way can change."""
    return tuple((one.name, one.url) for one in site.local.services if one.url.startswith("https://"))
