"""A Ruckus ZoneDirector or Unleashed hotspot (WISPr) with an external login page."""

from dataclasses import dataclass
from typing import ClassVar, Final

from captive_portal.gateways.posting import Posting, Setback, phone_in, setback
from captive_portal.gateways.safe_way import SafeWay
from captive_portal.gateways.wiring import arrived, fields_of, host_of, needed, password
from captive_portal.model import Arrival, Grant, PostForm

HTTPS_PORT: Final = 9998
UNLEASHED: Final = "unleashed.ruckuswireless.com"
_SETBACKS: Final = {"failed": Setback.REFUSED}


@dataclass(frozen=True, slots=True)
class RuckusZdGateway(Posting):
    """Port 9997 takes the password over HTTP, 9998 over HTTPS: this one ("Enabling WISPr", Ruckus).

    `read` wants `sip` (the controller) and `client_mac`; `uip` is the phone's address. `dn` is the name in
    the controller's certificate, if it has one of its own; the variant `unleashed` takes the one that
    Unleashed APs answer to. `wiring.hosts` lists each of these names and addresses as `NAME:9998`. Afterwards
    the phone goes to the start page of the hotspot service, so that must be our landing.

    Unverified on hardware, also that `auth` is `failed` after a refusal: one operator's portal expects it.
    """

    safe_way: ClassVar[SafeWay] = SafeWay.HTTPS

    def read(self, query: str) -> Arrival:
        """A phone that the controller sent. Raises ArrivalInvalid."""
        fields = fields_of(self.wiring, query)
        address = host_of(self.wiring, f"{needed(self.wiring, fields, 'sip')}:{HTTPS_PORT}")
        name = fields.get("dn", "") or (UNLEASHED if self.wiring.variant == "unleashed" else "")
        carried = {
            "sip": host_of(self.wiring, f"{name}:{HTTPS_PORT}") if name else address,
            **setback(fields.get("auth", ""), _SETBACKS),
        }
        return arrived(self.wiring, phone_in(self.wiring, fields, "client_mac", "uip"), carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> PostForm:
        """`ip` is for a controller that a router stands before."""
        phone = arrival.phone
        fields = {
            **({"ip": phone.ip} if phone is not None and phone.ip else {}),
            "username": grant.session,
            "password": password(self.wiring.key, grant.session),
        }
        return PostForm(f"https://{arrival.carried['sip']}/login", fields)
