"""Our probe at a site: known by its MAC, which only the site's key makes, and so no citizen in any figure.

Each visit is another phone, as a citizen's first one is: the MAC is of a tick of ten seconds. Nobody can tell
it from one that a phone makes up; who copies it from the air gets what everybody gets, uncounted.
"""

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import Final

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import GatewayKind, PortalSite

TICK_S: Final = 10
LONGEST_S: Final = 120
"""From the choice of a MAC to the last request of its visit."""

AHEAD_S: Final = 30
"""How far the clock of the machine that probes may be ahead of the portal's."""

_PURPOSE: Final = b"probe\0"


def mac_at(key: bytes, site: str, at: int) -> str:
    """The MAC of the site's probe at a UTC epoch second: locally administered, of one phone; `key` names."""
    tick = at // TICK_S
    drawn = bytearray(hmac.new(key, _PURPOSE + f"{site}\0{tick}".encode(), hashlib.sha256).digest()[:6])
    drawn[0] = drawn[0] & 0xFC | 0x02
    return drawn.hex(":")


def is_ours(site: PortalSite, device: str, now: datetime) -> bool:
    """Whether a device, as its arrival names it, is the site's probe of now or of just before."""
    wiring = site.wiring
    own = wiring.kind is GatewayKind.PLAZA
    return device in _devices(wiring.key, site.key, own, int(now.timestamp()) // TICK_S)


@lru_cache(maxsize=1024)
def _devices(key: bytes, site: str, own: bool, tick: int) -> frozenset[str]:
    """What the portal may call it now. Our own gateway names a device otherwise than the portal would."""
    first, last = tick - LONGEST_S // TICK_S, tick + AHEAD_S // TICK_S
    macs = (mac_at(key, site, one * TICK_S) for one in range(first, last + 1))
    return frozenset(pseudonym(key, "device", mac) if own else pseudonym(key, mac) for mac in macs)
