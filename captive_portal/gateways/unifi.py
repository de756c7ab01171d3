"""UniFi: its controller is told to authorise a phone that one of its access points sent to us.

Two ways, by `variant`. "" is the older API of a stand-alone controller and "unifi-os" the same of a console:
login, then `cmd/stamgr`, undocumented; fields as public clients use them (Art-of-WiFi's UniFi-API-client),
`up` and `down` in kbit/s. "integration" is Ubiquiti's documented API of Network 9.1.105 and later, in
unifi_integration.py: prefer it, for a console counts the logins of the older one and answers 429 when they
are many.

The phone's query is unsigned: `/guest/s/<site>/?id=<MAC>&ap=<MAC>&t=&url=&ssid=`; only its form and the
access point are checked. Nobody here had the hardware. Unverified: whether the limit named `bytes` counts
megabytes of 10^6 or 2^20 octets (we round up to 10^6), and that `rx_bytes` of `stat/guest` is what the access
point received, thus the phone's upload, as it is in `stat/sta`.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from captive_portal.gateways.calling import ACT_S, LIST_S, Entry, Line, Reply
from captive_portal.gateways.told import Row, ap_of, count, newest, phone_of, row, rows
from captive_portal.gateways.unifi_integration import UnifiIntegration
from captive_portal.gateways.units import kbps, megabytes, minutes
from captive_portal.gateways.wiring import arrived, fields_of, mac_of, needed
from captive_portal.model import Admitted, Arrival, Done, Grant, Phone, Usage, Wiring

UNIFI_OS: Final = "unifi-os"
INTEGRATION: Final = "integration"
GUESTS_WITHIN_H: Final = 168
"""How far back the list of guests goes, in hours."""
_NO_LOGIN: Final = {
    429: "it takes no more logins just now: prefer the integration API",
    499: "it wants a second factor: use an account of the controller's own",
}


class UnifiGateway:
    """The portal's side of UniFi at one site (style C): stateless."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._api = UnifiIntegration(wiring) if wiring.variant == INTEGRATION else UnifiClassic(wiring)

    def read(self, query: str) -> Arrival:
        """The phone in `id=` at the access point in `ap=`. Raises ArrivalInvalid."""
        fields = fields_of(self._wiring, query)
        mac = mac_of(self._wiring, needed(self._wiring, fields, "id"))
        ap = ap_of(self._wiring, needed(self._wiring, fields, "ap"))
        return arrived(self._wiring, Phone(mac), {"ap": ap, "ssid": fields.get("ssid", "")})

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Done:
        """Authorise the phone for whole minutes and megabytes, rounded up. Raises GatewayFailed."""
        self._api.authorise(phone_of(arrival), arrival.carried.get("ap", ""), grant)
        return Done()

    def dismiss(self, admitted: Admitted) -> bool:
        """Take the authorisation back. Raises GatewayFailed."""
        self._api.revoke(admitted.phone)
        return True

    def account(self, admitted: Sequence[Admitted]) -> Sequence[Usage]:
        """What the controller counted since each authorisation; who is in no list is left out.

        Raises GatewayFailed.
        """
        return self._api.used(admitted)


class UnifiClassic:
    """The API with login and cookie."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._is_os = wiring.variant == UNIFI_OS
        prefix = "/proxy/network" if self._is_os else ""
        self._site = f"{prefix}/api/s/{quote(wiring.api_site or 'default', safe='')}"

    def authorise(self, phone: Phone, ap: str, grant: Grant) -> None:
        """Raises GatewayFailed."""
        command: dict[str, object] = {"cmd": "authorize-guest", "mac": phone.mac}
        command["minutes"] = minutes(grant.seconds)
        if ap:
            command["ap_mac"] = ap
        if grant.octets:
            command["bytes"] = megabytes(grant.octets)
        rates = {"down": grant.down_kbps, "up": grant.up_kbps}
        command |= {name: kbps(rate) for name, rate in rates.items() if rate}
        self._ask("cmd/stamgr", command)

    def revoke(self, phone: Phone) -> None:
        """Raises GatewayFailed."""
        self._ask("cmd/stamgr", {"cmd": "unauthorize-guest", "mac": phone.mac})

    def used(self, admitted: Sequence[Admitted]) -> Sequence[Usage]:
        """From the list of guests, for it counts from the authorisation; `stat/sta` counts from association.

        Raises GatewayFailed.
        """
        guests = newest(self._ask("stat/guest", {"within": GUESTS_WITHIN_H}, LIST_S))
        return [
            Usage(
                session=each.session,
                seconds=count(guest.get("duration")),
                octets_down=count(guest.get("tx_bytes")),
                octets_up=count(guest.get("rx_bytes")),
            )
            for each in admitted
            if (guest := guests.get(each.phone.mac)) is not None
        ]

    def _ask(self, what: str, body: Row, within_s: float = ACT_S) -> list[Row]:
        with Line(self._wiring, Entry(self._enter, _is_over), within_s) as line:
            told = line.post(f"{self._site}/{what}", body)
            if row(told.get("meta")).get("rc") != "ok":
                raise line.failed("it did not do what we asked")
            return rows(told.get("data"))

    def _enter(self, line: Line) -> None:
        line.headers.pop("X-CSRF-Token", None)
        login = {"username": self._wiring.user, "password": self._wiring.secret.decode()}
        reply = line.send("POST", "/api/auth/login" if self._is_os else "/api/login", login)
        if reply.status in _NO_LOGIN:
            raise line.failed(_NO_LOGIN[reply.status])
        if reply.status == 400:
            raise line.refused()
        line.said(reply)
        if reply.csrf:
            line.headers["X-CSRF-Token"] = reply.csrf


def _is_over(reply: Reply) -> bool:
    return reply.status == 401
