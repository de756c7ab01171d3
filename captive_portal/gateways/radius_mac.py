"""Any access point that asks RADIUS by the phone's MAC address and can be told to ask again (style D)."""

from collections.abc import Sequence
from typing import Final

from captive_portal.errors import ArrivalInvalid, GatewayFailed
from captive_portal.gateways.letting_go import let_go
from captive_portal.gateways.posting import phone_in
from captive_portal.gateways.told import ap_of
from captive_portal.gateways.wiring import arrived, fields_of, host_of, is_mac, needed
from captive_portal.model import Admitted, Arrival, Grant, Pending, Phone, Wiring
from captive_portal.radius.coa import Target

USUAL: Final = "client_mac|clientmac|sta_mac|mac,client_ip|clientip|ip,nas|nas_id|nasid|ap_ip"
"""How the fields of a redirect are called: the MAC's names, the IP's, the access point's, best first."""


class RadiusMacGateway:
    """The portal's side of a site whose access points do MAC authentication; unverified on hardware.

    `wiring.variant` says the fields' names as USUAL does, empty = USUAL; without names for the access point
    it is not looked at. `wiring.hosts` are the names it may give; a MAC may be spelt in any way. Nobody
    vouches for the MAC of a redirect: who taps for another's lets that phone on, as with MAC authentication
    itself.
    `wiring.api_url` is `radius://host:3799`, `wiring.secret` the shared secret of its requests.
    Raises ValueError for a variant of another shape.
    """

    def __init__(self, wiring: Wiring) -> None:
        lists = [names.split("|") for names in (wiring.variant or USUAL).split(",")]
        if len(lists) != 3 or not lists[0][0]:
            raise ValueError(
                f"{wiring.site}: the variant of kind radius is MAC,IP,NAS, each NAME or NAME|NAME"
            )
        self._wiring = wiring
        self._mac, self._ip, self._nas = lists

    def read(self, query: str) -> Arrival:
        """A phone that an access point of this site sent. Raises ArrivalInvalid."""
        fields = fields_of(self._wiring, query)
        if self._nas != [""]:
            _named(self._wiring, needed(self._wiring, fields, _told(fields, self._nas)))
        phone = phone_in(self._wiring, fields, _told(fields, self._mac), _told(fields, self._ip))
        return arrived(self._wiring, phone, {})

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Pending:
        """Have the phone asked for anew: RADIUS lets it on now. Raises GatewayFailed."""
        if arrival.phone is None:
            raise ArrivalInvalid(self._wiring.site, "the phone's MAC is missing")
        self._ask(arrival.phone)
        return Pending()

    def dismiss(self, admitted: Admitted) -> bool:
        """RADIUS no longer knows it, so it stays off. Raises GatewayFailed."""
        self._ask(admitted.phone)
        return True

    def account(self, admitted: Sequence[Admitted]) -> None:
        """Accounting-Requests tell it (RFC 2866)."""

    def _ask(self, phone: Phone) -> None:
        if not let_go(self._wiring, Target(mac=phone.mac)):
            raise GatewayFailed(self._wiring.site, "no access point to tell: set radius://host:3799")


def _named(wiring: Wiring, name: str) -> None:
    """Raises ArrivalInvalid unless it is a name of one of the site's access points."""
    if is_mac(name):
        ap_of(wiring, name)
    else:
        host_of(wiring, name)


def _told(fields: dict[str, str], names: Sequence[str]) -> str:
    return next((name for name in names if fields.get(name)), names[0])
