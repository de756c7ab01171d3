"""How a plan's bounds are written in an Access-Accept and in a CoA-Request."""

from collections.abc import Mapping
from typing import Final

from captive_portal.model import GatewayKind, Grant
from captive_portal.radius.model import RadiusSite

MAX: Final = 2**32 - 1
INTERIM_S: Final = 600
"""Acct-Interim-Interval, the least that RFC 2869 §5.16 advises: some sites hang on a satellite."""

# Kind → attributes for both directions together: the low 32 bits, and how many times 2^32. Names and numbers:
# FreeRADIUS 3.2's dictionary.mikrotik and dictionary.cambium (whose spelling this is), CoovaChilli's
# radius_chillispot.h; uspot reads CoovaChilli's. Unverified on hardware.
OCTETS: Final[Mapping[GatewayKind, tuple[str, str]]] = {
    GatewayKind.COOVACHILLI: ("ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
    GatewayKind.USPOT: ("ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
    GatewayKind.MIKROTIK: ("Mikrotik-Total-Limit", "Mikrotik-Total-Limit-Gigawords"),
    GatewayKind.CAMBIUM: ("Cambium-Traffic-Quota-Limit-Total", "Cambium-Traffic-Quota-Limit-Total-Gigwords"),
}


def attributes(site: RadiusSite, grant: Grant) -> dict[str, int | str]:
    """The reply's attributes by FreeRADIUS's names.

    `Class` comes back with all accounting of the association (RFC 2865 §5.25).
    """
    return {**bounds(site.kind, grant), "Class": f"0x{grant.session.encode().hex()}"}


def bounds(kind: GatewayKind, grant: Grant) -> dict[str, int]:
    """What bounds a session, by FreeRADIUS's names.

    Rates are WISPr's, in bits per second. A kind without a row in OCTETS enforces time alone.
    """
    found = {"Session-Timeout": min(grant.seconds, MAX), "Acct-Interim-Interval": INTERIM_S}
    for name, rate_bps in (
        ("WISPr-Bandwidth-Max-Down", 1000 * grant.down_kbps),
        ("WISPr-Bandwidth-Max-Up", 1000 * grant.up_kbps),
    ):
        if rate_bps:
            found[name] = min(rate_bps, MAX)
    if grant.octets and kind in OCTETS:
        low, high = OCTETS[kind]
        found[low] = grant.octets & MAX
        if grant.octets > MAX:
            found[high] = grant.octets >> 32
    return found
