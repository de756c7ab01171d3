"""What the gateways to which a phone POSTs its password have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from typing import ClassVar
from urllib.parse import urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.letting_go import let_go
from captive_portal.gateways.safe_way import SafeWay
from captive_portal.gateways.wiring import host_of, mac_of, needed, url_of
from captive_portal.model import Admitted, Phone, Wiring
from captive_portal.radius.coa import Target


class Setback(StrEnum):
    """Why a gateway sent the phone back to us, in names of ours: its own words could be any stranger's."""

    ALREADY_ONLINE = "already-online"
    REFUSED = "refused"
    BUSY = "busy"
    EXCLUDED = "excluded"
    UNANSWERED = "unanswered"
    UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class Posting:
    """One site's gateway that asks RADIUS about the password a phone brings.

    RADIUS reports the use of its sessions, so this side does not ask for it.
    """

    safe_way: ClassVar[SafeWay]
    wiring: Wiring

    def dismiss(self, admitted: Admitted) -> bool:
        """By Disconnect-Request where the site takes one (RFC 5176). Raises GatewayFailed."""
        return let_go(self.wiring, Target(user=admitted.session))

    def account(self, admitted: Sequence[Admitted]) -> None:
        """Accounting-Requests tell it (RFC 2866)."""


def phone_in(wiring: Wiring, fields: Mapping[str, str], mac: str, ip: str) -> Phone:
    """The phone in the fields of these names; without address where there is none. Raises ArrivalInvalid."""
    found = fields.get(ip, "")
    try:
        address = str(IPv4Address(found)) if found else ""
    except AddressValueError as error:
        raise ArrivalInvalid(wiring.site, f"{ip} is no IPv4 address") from error
    return Phone(mac_of(wiring, needed(wiring, fields, mac)), address)


def login_page(wiring: Wiring, url: str, path: str) -> str:
    """The address of a login page of this site's, which is at `path`. Raises ArrivalInvalid."""
    parts = urlsplit(url_of(wiring, url))
    if (parts.path, parts.query) != (path, ""):
        raise ArrivalInvalid(wiring.site, "the gateway's address is not the one of its login page")
    return f"{parts.scheme}://{host_of(wiring, parts.netloc)}{path}"


def setback(words: str, names: Mapping[str, Setback]) -> dict[str, str]:
    """What `carried` tells of an error, as `error`; nothing where the gateway said nothing."""
    return {"error": names.get(words.lower(), Setback.UNNAMED).value} if words else {}
