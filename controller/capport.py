"""Which sites' phones the portal's own RFC 8908 API can tell apart, and what their gateway hands out."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from captive_portal.capport import TOLD_APART
from captive_portal.model import GatewayKind
from controller.errors import ControllerError
from controller.model import Inventory, Site
from controller.settings import Settings
from controller.snippets import LONGEST_OCTETS

ANSWER_THEMSELVES: Final = frozenset({GatewayKind.PLAZA, GatewayKind.USPOT})
"""The kinds whose gateway serves an RFC 8908 API at the site."""

NUMBER: Final = "%{s}"
"""Where CoovaChilli writes a session's number."""


def naming(inventory: Inventory) -> Mapping[str, frozenset[str]]:
    """The NAS-Identifiers of each site whose gateway gives phones URLs of their own and accounts to us."""
    return {key: frozenset(site.portal.nas) for key, site in inventory.sites.items() if _told_apart(site)}


def elsewhere(settings: Settings, site: Site, api: str) -> str:
    """A URL that all phones of a site share.

    Raises ControllerError where its gateway serves none, and for the portal's own, which cannot be shared.
    """
    kind = site.portal.kind
    if kind not in ANSWER_THEMSELVES:
        mend = "use --kind coovachilli" if kind in TOLD_APART else "its phones find out by their own probes"
        raise ControllerError(
            f"site {site.key}: its gateway ({kind}) serves no captive portal API; {mend} "
            "(docs/captive-portal-api.md)"
        )
    url = urlsplit(api)
    if url.hostname in settings.portal_names and url.path.startswith("/c/"):
        raise ControllerError(
            "--api is the portal's own, which answers only phones that it can tell apart: "
            "those of CoovaChilli (docs/captive-portal-api.md)"
        )
    return api


def coovachilli(settings: Settings, site: Site) -> str:
    """The line for chilli.conf. Raises ControllerError where the answers could not be true."""
    if not _told_apart(site):
        raise ControllerError(
            f"site {site.key}: the portal cannot tell its phones apart; this needs `kind: coovachilli` with "
            "`radius: {client: …}` and `nas` (docs/captive-portal-api.md)"
        )
    if not settings.public_portal_url.startswith("https://"):
        raise ControllerError("portal_url must begin with https://: phones ignore any other (RFC 8910)")
    url = f"{settings.public_portal_url}/c/{site.key}?s={NUMBER}"
    if len(url) - len(NUMBER) + 64 > LONGEST_OCTETS:
        raise ControllerError(f"portal_url is too long: {url} must stay below {LONGEST_OCTETS} octets")
    return f"captiveportalapi_uri {url}\n"


def _told_apart(site: Site) -> bool:
    return site.portal.kind in TOLD_APART and bool(site.portal.radius_client and site.portal.nas)
