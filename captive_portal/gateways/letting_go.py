"""Ends a session at a site whose access point takes a Disconnect-Request (RFC 5176)."""

from typing import Final
from urllib.parse import urlsplit

from captive_portal.errors import GatewayFailed
from captive_portal.model import GatewayKind, Wiring
from captive_portal.radius import coa
from captive_portal.radius.coa import Acknowledged, Nas, Proof, Target

SCHEME: Final = "radius"

REFUSES_SIGNED: Final = frozenset({GatewayKind.USPOT})
"""uspot's `uspot-das` answers NAK to a request with a Message-Authenticator (its source, `uspot-das.c`)."""


def let_go(wiring: Wiring, target: Target) -> bool:
    """Whether its access point let it go; False where the wiring's `api_url` is no `radius://host:3799`.

    `wiring.secret` signs the request. Raises GatewayFailed when it refuses or says nothing.
    """
    nas = nas_of(wiring)
    if nas is None:
        return False
    answer = coa.disconnect(nas, target)
    if isinstance(answer, Acknowledged):
        return True
    raise GatewayFailed(wiring.site, f"the access point refused to let go: Error-Cause {answer.cause}")


def nas_of(wiring: Wiring) -> Nas | None:
    """Whom to ask at a site; None where its `api_url` is no `radius://host:3799`."""
    at = urlsplit(wiring.api_url)
    if at.scheme != SCHEME or not at.hostname:
        return None
    proof = Proof.BARE if wiring.kind in REFUSES_SIGNED else Proof.SIGNED
    return Nas(wiring.site, at.hostname, wiring.secret, at.port or coa.PORT, proof=proof)
