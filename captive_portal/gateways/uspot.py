"""How uspot (OpenWrt 23.05 and later, TIP) asks for a grant and is given one: UAM and RADIUS (style A)."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from captive_portal.gateways import uam
from captive_portal.gateways.letting_go import let_go
from captive_portal.model import Admitted, Arrival, Grant, Redirect, Wiring
from captive_portal.radius.coa import Target

ENCODED: Final = frozenset({"ssl", "userurl", "reply", "lang"})
"""The fields that uspot encodes before it signs; all others it signs as they are."""
_BROWSERS: Final = re.compile(r"(?:%(?:20|22|27|3C|3E|[89A-F][0-9A-F]))+")
"""What a browser encodes in a query (WHATWG URL, special-query percent-encode set)."""


class UspotGateway:
    """The portal's side of uspot in `auth_mode 'uam'` with a `uam_secret`: stateless.

    `hosts` holds the gateway's address with `uam_port`, and host and port of `uam_sslurl` where one is set.
    `portal_url` is `uam_server`. `final_redirect_url 'uam'` brings a phone back with `res=success` or
    `res=reject`; without it uspot shows pages of its own. Its challenge is MD5(a fixed word of its
    configuration ‖ the phone's MAC), the same for ever: a response that somebody overheard opens again for
    that MAC as long as its one-time password is good, so RADIUS has to refuse a session that is over, and
    `uam_sslurl` keeps it from being overheard. TIP's builds before December 2023 cut the last octet of CHAP
    off (Telecominfraproject/wlan-ap, pull request 612) and need an update.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def read(self, query: str) -> Arrival:
        """The arrival whose `md` is right, however it stands (`res`, see `uam.arrival`).

        Raises ArrivalInvalid.
        """
        return uam.arrival(self._wiring, uam.believed(self._wiring, query, as_written(query)))

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect:
        """The phone carries the CHAP response to `/logon`, over HTTPS where uspot offers it."""
        return uam.answer(self._wiring, arrival, grant)

    def dismiss(self, admitted: Admitted) -> bool:
        """By Disconnect-Request (RFC 5176) to `das_port`, signed with the uamsecret. Raises GatewayFailed."""
        return let_go(self._wiring, Target(user=admitted.session))

    def account(self, admitted: Sequence[Admitted]) -> None:
        """RADIUS accounting tells what was used, octets only where `counters` is on."""


def as_written(query: str) -> str:
    """The query as uspot signed it: what a browser has to encode in it (an SSID's space), decoded again.

    Only that, so that no field can be hidden in another: `&` and `=` stay what they are.
    """
    return "&".join(
        pair if pair.partition("=")[0] in ENCODED else _BROWSERS.sub(lambda found: unquote(found[0]), pair)
        for pair in query.split("&")
    )
