"""Makes a session longer at an access point that takes a CoA-Request (RFC 5176).

Neither RFC 2865 §5.27 nor RFC 5176 says since when a changed Session-Timeout counts, so a kind is here only
when its source was read: both end a session when it has lasted longer than that since its own start
(CoovaChilli 1.x, `session_interval` in `chilli.c`; uspot, `accounting` in `uspot.uc`), and likewise bound all
of its octets. Both were read, neither was run.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from captive_portal.gateways.ending import Ending, ending
from captive_portal.gateways.letting_go import nas_of
from captive_portal.model import GatewayKind, Grant, PortalSite, Wiring
from captive_portal.radius import coa, limits
from captive_portal.radius.coa import Acknowledged, Target

# CoovaChilli forgets every bound that a CoA-Request leaves out (`config_radius_session`, called without
# `reconfig`); uspot refuses a request with anything else of ours in it (`coa_attrid_not_supported`).
TAKEN: Final[Mapping[GatewayKind, frozenset[str]]] = MappingProxyType(
    {
        GatewayKind.COOVACHILLI: frozenset(coa.NUMBERS),
        GatewayKind.USPOT: frozenset({"Session-Timeout"}),
    }
)
"""The kinds whose session can be made longer, and the bounds that they take."""


def works(site: PortalSite) -> bool:
    """Whether sessions can be made longer here: somebody can be told, with all that the plan bounds."""
    kind = site.wiring.kind
    if kind not in TAKEN or ending(kind, site.wiring.api_url) is not Ending.TOLD:
        return False
    return not site.plan.octets or TAKEN[kind].issuperset(limits.OCTETS[kind])


def lengthen(wiring: Wiring, whole: Grant) -> bool:
    """Whether its access point agreed; `whole` bounds the session there from its start on.

    Asked again with the same bounds, it is as it was. Raises GatewayFailed when nobody answers.
    """
    nas = nas_of(wiring)
    if nas is None:
        return False
    taken = TAKEN[wiring.kind]
    bounds = limits.bounds(wiring.kind, whole)
    told = {name: value for name, value in bounds.items() if name in taken}
    return isinstance(coa.change(nas, Target(user=whole.session), told), Acknowledged)
