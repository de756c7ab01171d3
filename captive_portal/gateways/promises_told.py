"""What is known of each kind while Plaza is out of reach, and of what it sends: data, with its source.

Plaza out of reach means that neither the portal nor RADIUS answers. Nothing here can be read from our code;
what can be is in `promises`. Sources: our own tests, protocols, and makers' articles, which nobody here tried
on hardware; a maker of whom nothing was found is "not known".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from captive_portal.model import GatewayKind
from captive_portal.radius.limits import INTERIM_S


@dataclass(frozen=True, slots=True)
class Told:
    """Who stays, who gets in, what page is seen; what the gateway itself sends over the uplink for a session.

    The phone's own requests are not in `sends`: they are the same at every kind (docs/portal-figures.md).
    """

    stays: str
    enters: str
    page: str
    sends: str
    source: str


NOT_KNOWN: Final = "not known"
_STAY: Final = "stay until their time is over"
_BROWSERS: Final = "the browser's own error"
_REPORTS: Final = f"2 RADIUS reports, 1 more each {INTERIM_S // 60} min; octets not known"
_ASKS: Final = f"1 RADIUS request, {_REPORTS}"
_HELD: Final = "the gateway was told the time at the login (RFC 2865 §5.27)"
_UNTRIED: Final = f"{_HELD}; that reports without an answer end nothing is unverified on hardware"


def _by_radius(page: str = _BROWSERS, source: str = _UNTRIED) -> Told:
    """A gateway whose login asks our RADIUS: without it nobody gets in."""
    return Told(_STAY, "no", page, _ASKS, source)


TOLD: Final[Mapping[GatewayKind, Told]] = MappingProxyType(
    {
        GatewayKind.PLAZA: Told(
            "stay until their time or their data are over, the program dead or alive; after a power cut they "
            "are back without a tap",
            "no; with `when_controller_away: open` by one press on its own page; in an emergency all",
            "the gateway's own, in Spanish and English",
            "0.3 kB in calls of 3 kB with TLS, each 60 s while somebody is in, else each 30 min",
            "`test_square.py`, `test_square_policy.py`, `test_kernel_caps.py`, `test_offline.py` of "
            "`tests/gateway`; the octets are those of `test_wire.py`, with all headers",
        ),
        GatewayKind.OPENNDS: Told(
            _STAY,
            "no",
            _BROWSERS,
            "level 2: nothing; level 3: 1 HTTPS request each 10 s, with sessions or without",
            "`tests/crowd/test_opennds.py` with 9.10.0: its own time ends a session; the poll is "
            "`nat_traversal_poll_interval` of its changelog",
        ),
        GatewayKind.COOVACHILLI: _by_radius(),
        GatewayKind.USPOT: _by_radius(),
        GatewayKind.MIKROTIK: _by_radius(
            source=f"{_UNTRIED}; while only RADIUS is away, RouterOS says so to the portal (its errors.txt)"
        ),
        GatewayKind.CISCO_WLC: _by_radius(),
        GatewayKind.ARUBA_INSTANT: Told(
            _STAY,
            "no; all of them where “Captive portal failure” is “Allow Internet”",
            "an error of the access point",
            _ASKS,
            f"{_UNTRIED}; Aruba's article 180282 on its community pages",
        ),
        GatewayKind.RUCKUS_ZD: _by_radius(),
        GatewayKind.RUCKUS_SMARTZONE: Told(_STAY, "no", _BROWSERS, NOT_KNOWN, _UNTRIED),
        GatewayKind.CAMBIUM: _by_radius(),
        GatewayKind.UNIFI: Told(
            _STAY,
            "no; all of them, without a page, where UniFi's own controller is out of reach too",
            _BROWSERS,
            "nothing to Plaza; to its own controller not known",
            "Ubiquiti's article 205222660 (SELFRUN, `selfrun_guest_mode`), of older versions; unverified on "
            "hardware",
        ),
        GatewayKind.OMADA: Told(
            "stay; perhaps beyond their time, until Plaza is back",
            "no",
            _BROWSERS,
            "nothing to Plaza; to its own controller not known",
            "TP-Link's document 12927 (external portal server, controller offline); others reported that a "
            "phone stays beyond its time; unverified on hardware",
        ),
        GatewayKind.MERAKI: Told(
            _STAY,
            "no; where Meraki's cloud is out of reach too, as `controllerDisconnectionBehavior` says",
            _BROWSERS,
            NOT_KNOWN,
            "Meraki's “Offline mode” of 2009 and its API of splash settings; unverified on hardware",
        ),
        GatewayKind.RADIUS: Told(
            "stay until their time is over, or until the phone joins the network anew",
            "no",
            _BROWSERS,
            f"1 RADIUS request each time a phone joins, {_REPORTS}",
            _UNTRIED,
        ),
    }
)
