"""How Cisco Meraki's cloud asks for a grant and is given one: its external captive portal (EXCAP).

Names as in Cisco's Captive Portal API manual; unverified on hardware. Nothing in an arrival is signed for
us: a forged one makes a session that nobody uses, for what opens is Meraki's cloud, not we.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.wiring import arrived, fields_of, mac_of, needed, password, url_of
from captive_portal.model import Admitted, Arrival, Grant, Phone, PostForm, Redirect, Wiring


class MerakiGateway:
    """The portal's side of one Meraki network; `variant` is click-through (style A) or sign-on (style B).

    `hosts` holds the names of the organization's cloud, like `n143.network-auth.com`, each letter for
    letter: under network-auth.com are strangers' networks too. Only HTTPS is answered. Click-through has no
    RADIUS behind it: Meraki ends a session by its seconds, and nobody counts its octets. The dashboard must
    send users on to "the URL they were trying to fetch", or Meraki ignores `continue_url`.
    Raises ValueError for any other variant.
    """

    def __init__(self, wiring: Wiring) -> None:
        if wiring.variant not in _WAYS:
            raise ValueError(f"{wiring.site}: a Meraki variant is one of {', '.join(_WAYS)}")
        self._wiring = wiring
        self._name, self._address = _WAYS[wiring.variant]

    def read(self, query: str) -> Arrival:
        """The arrival, and in `carried` the address to answer to, by its name in the query.

        A sign-on that RADIUS refused comes back the same way and waits for a new tap. Raises ArrivalInvalid.
        """
        wiring = self._wiring
        fields = fields_of(wiring, query)
        phone = Phone(
            mac_of(wiring, needed(wiring, fields, "client_mac")), needed(wiring, fields, "client_ip")
        )
        url = url_of(wiring, needed(wiring, fields, self._name), ("https",))
        return arrived(wiring, phone, {self._name: self._address(wiring, url)})

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect | PostForm:
        """Click-through: a GET with the grant's seconds. Sign-on: a POST that RADIUS has to accept."""
        wiring = self._wiring
        url = arrival.carried[self._name]
        if wiring.variant == CLICK_THROUGH:
            asked = {"continue_url": wiring.landing, "duration": str(grant.seconds)}
            return Redirect(f"{url}?{urlencode(asked)}")
        secret = password(wiring.key, grant.session)
        return PostForm(url, {"username": grant.session, "password": secret, "success_url": wiring.landing})

    def dismiss(self, admitted: Admitted) -> bool:
        """Not told: `duration` ends a click-through, RADIUS's Session-Timeout a sign-on."""
        return False

    def account(self, admitted: Sequence[Admitted]) -> None:
        """RADIUS accounting tells what a sign-on used; of a click-through nothing is known."""


def _grant_url(wiring: Wiring, url: str) -> str:
    """The address that opens; every recorded one is bare, and one that is not might name its own landing."""
    if urlsplit(url).query:
        raise ArrivalInvalid(wiring.site, "base_grant_url brings fields of its own")
    return url.removesuffix("?")


def _login_url(wiring: Wiring, url: str) -> str:
    """The address that takes the sign-on: with Meraki's own `mauth`, and our landing as what follows it."""
    parts = urlsplit(url)
    kept = {"mauth": needed(wiring, fields_of(wiring, parts.query), "mauth"), "continue_url": wiring.landing}
    return parts._replace(query=urlencode(kept)).geturl()


CLICK_THROUGH: Final = "click-through"
SIGN_ON: Final = "sign-on"
_WAYS: Final[Mapping[str, tuple[str, Callable[[Wiring, str], str]]]] = {
    CLICK_THROUGH: ("base_grant_url", _grant_url),
    SIGN_ON: ("login_url", _login_url),
}
