"""Ruckus SmartZone: its northbound interface logs the phone in, and it asks RADIUS whether the phone may.

By Ruckus' Hotspot (WISPr) Reference Guide: JSON by POST to `/portalintf`, port 9443 of the controller (443 at
Ruckus One). `secret` is the interface's password, `user` its name where the version wants one. The login is a
session's name with its one-time password, which our RADIUS accepts, bounds and accounts: this interface takes
no bounds and tells no usage. Addresses come encrypted unless the controller is told `no encrypt-mac-ip`; an
encrypted one is no phone to us.

`101` means that the phone is still in, under an earlier session. Nobody here had the hardware. Unverified:
that `Logout` takes a MAC in the controller's usual spelling, upper case with colons, whatever the hotspot's
format is.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.calling import Entry, Line, Reply
from captive_portal.gateways.told import ap_of, ip_of, phone_of
from captive_portal.gateways.wiring import arrived, fields_of, mac_of, needed, password
from captive_portal.model import Admitted, Arrival, Done, Grant, Pending, Phone, Wiring

UNAUTHORISED: Final = 100
AUTHORISED: Final = 101
OK: Final = 200
LOGGED_IN: Final = 201
UNDECIDED: Final = 202
NOT_FOUND: Final = 300
_MEANT: Final = {
    NOT_FOUND: "it does not know this phone",
    301: "its RADIUS server refused the session",
    306: "it refuses our password: check the secret of this site's gateway",
    401: "its RADIUS server does not answer",
}


class SmartZoneGateway:
    """The portal's side of SmartZone at one site (style C, with RADIUS behind it): stateless."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def read(self, query: str) -> Arrival:
        """The phone in `client_mac=` and `uip=` at the access point in `mac=`. Raises ArrivalInvalid."""
        fields = fields_of(self._wiring, query)
        spelt = needed(self._wiring, fields, "client_mac")
        if spelt.startswith("ENC"):
            hint = "its addresses are encrypted: tell the controller `no encrypt-mac-ip`"
            raise ArrivalInvalid(self._wiring.site, hint)
        phone = Phone(mac_of(self._wiring, spelt), ip_of(fields.get("uip", "")))
        ap = ap_of(self._wiring, needed(self._wiring, fields, "mac"))
        carried = {"ap": ap, "client_mac": spelt, "ssid": fields.get("ssid", "")}
        return arrived(self._wiring, phone, carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Done | Pending:
        """Log the phone in under its session; Pending where RADIUS has not answered yet.

        Raises GatewayFailed.
        """
        phone = phone_of(arrival)
        login = {"UE-Username": grant.session, "UE-Password": password(self._wiring.key, grant.session)}
        asked = {"UE-MAC": arrival.carried.get("client_mac", _spelt(phone)), "UE-Proxy": "0", **login}
        code = self._ask("Login", phone, asked, (AUTHORISED, LOGGED_IN, UNDECIDED))
        return Pending() if code == UNDECIDED else Done()

    def dismiss(self, admitted: Admitted) -> bool:
        """Log the phone out; one that is not in is out. Raises GatewayFailed."""
        asked = {"UE-MAC": _spelt(admitted.phone)}
        self._ask("Logout", admitted.phone, asked, (OK, UNAUTHORISED, NOT_FOUND))
        return True

    def account(self, admitted: Sequence[Admitted]) -> None:
        """The controller reports to RADIUS by itself."""

    def _ask(self, what: str, phone: Phone, asked: Mapping[str, str], good: Sequence[int]) -> int:
        body: dict[str, object] = {
            "Vendor": "ruckus",
            "APIVersion": "1.0",
            "RequestPassword": self._wiring.secret.decode(),
            "RequestCategory": "UserOnlineControl",
            "RequestType": what,
            **asked,
        }
        if self._wiring.user:
            body["RequestUserName"] = self._wiring.user
        if phone.ip:
            body["UE-IP"] = phone.ip
        with Line(self._wiring, Entry(_enter, _is_over)) as line:
            told = line.post("/portalintf", body).get("ResponseCode")
            code = int(told) if isinstance(told, int | str) and str(told).isdecimal() else 0
            if code not in good:
                raise line.failed(_MEANT.get(code, f"it answers with code {code}"))
        return code


def _enter(_line: Line) -> None:
    """Each question proves itself."""


def _is_over(_reply: Reply) -> bool:
    return False


def _spelt(phone: Phone) -> str:
    return phone.mac.upper()
