"""Ends a session at a site whose access point takes a Disconnect-Request (RFC 5176)."""

from typing import Final
from urllib.parse import urlsplit

from captive_portal.errors import GatewayFailed
from captive_portal.model import Wiring
from captive_portal.radius import coa
from captive_portal.radius.coa import Acknowledged, Nas, Target

SCHEME: Final = "radius"


def let_go(wiring: Wiring, target: Target) -> bool:
    """Whether its access point let it go; False where the wiring's `api_url` is no `radius://host:3799`.

    `wiring.secret` signs the request. Raises GatewayFailed when it refuses or says nothing.
    """
    at = urlsplit(wiring.api_url)
    if at.scheme != SCHEME or not at.hostname:
        return False
    answer = coa.disconnect(Nas(wiring.site, at.hostname, wiring.secret, at.port or coa.PORT), target)
    if isinstance(answer, Acknowledged):
        return True
    raise GatewayFailed(wiring.site, f"the access point refused to let go: Error-Cause {answer.cause}")
