"""How CoovaChilli asks for a grant and is given one: UAM, and RADIUS behind it (style A)."""

from collections.abc import Sequence

from captive_portal.gateways import uam
from captive_portal.gateways.letting_go import let_go
from captive_portal.model import Admitted, Arrival, Grant, Redirect, Wiring
from captive_portal.radius.coa import Target


class CoovaChilliGateway:
    """The portal's side of a CoovaChilli 1.x (`uamserver`, `uamsecret`, RADIUS): stateless.

    `hosts` holds `uamlisten:uamport`, and host and port of its HTTPS address where `uamuissl` offers one.
    `portal_url` is `uamserver`. `nochallenge` must be off. A challenge is of one phone and ends with
    `challengetimeout`; one that came too late returns as `failed` with a fresh one. After a logon the phone
    comes back to `uamserver` with `res=success`, or with `nouamsuccess` goes to the landing directly.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def read(self, query: str) -> Arrival:
        """The arrival whose `md` is right, however it stands (`res`, see `uam.arrival`).

        `failed` may bring a `reason`: a new tap makes a new session, nothing is tried again by itself.
        Raises ArrivalInvalid.
        """
        return uam.arrival(self._wiring, uam.believed(self._wiring, query))

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect:
        """The phone carries the CHAP response to `/logon`; seconds and octets are RADIUS's to tell."""
        return uam.answer(self._wiring, arrival, grant)

    def dismiss(self, admitted: Admitted) -> bool:
        """By Disconnect-Request (RFC 5176) to `coaport`, signed with the uamsecret. Raises GatewayFailed."""
        return let_go(self._wiring, Target(user=admitted.session))

    def account(self, admitted: Sequence[Admitted]) -> None:
        """RADIUS accounting tells what was used."""
