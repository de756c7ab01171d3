"""A Cisco wireless controller with local web authentication on a page of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import urljoin

from captive_portal.gateways.posting import Posting, Setback, login_page, phone_in, setback
from captive_portal.gateways.safe_way import SafeWay, over_https
from captive_portal.gateways.wiring import arrived, fields_of, needed, password
from captive_portal.model import Arrival, Grant, PostForm

_SETBACKS: Final = {
    "1": Setback.ALREADY_ONLINE,
    "3": Setback.BUSY,
    "4": Setback.EXCLUDED,
    "5": Setback.REFUSED,
}

LOGOUT: Final[Mapping[str, str]] = MappingProxyType({"userStatus": "1", "err_flag": "0", "err_msg": ""})
"""The form of its own logout page: programs of several universities post it, no guide of Cisco's says so."""


@dataclass(frozen=True, slots=True)
class CiscoWlcGateway(Posting):
    """AireOS ("External Web Authentication") and the Catalyst 9800, whose tags our configurer names alike.

    `read` wants `switch_url` and `client_mac`; the phone's IP address is not told. `statusCode` 1 to 5 is
    what went wrong; one without `client_mac`, as AireOS was seen to send with 1, is not believed. Neither is
    a `redirect` whose own parameters repeat a name, because AireOS does not encode it; no phone's probe has
    any. `wiring.hosts` names the virtual interface, whose certificate phones must trust.

    Unverified on hardware, on the 9800 also that the field is `redirect_url` and not `redirectUrl`, and
    that its logout page is the one of AireOS.
    """

    safe_way: ClassVar[SafeWay] = SafeWay.HTTPS

    def read(self, query: str) -> Arrival:
        """A phone that the controller sent. Raises ArrivalInvalid."""
        fields = fields_of(self.wiring, query)
        url = login_page(self.wiring, needed(self.wiring, fields, "switch_url"), "/login.html")
        carried = {
            "switch_url": over_https(self.wiring, url),
            **setback(fields.get("statusCode", ""), _SETBACKS),
        }
        return arrived(self.wiring, phone_in(self.wiring, fields, "client_mac", "client_ip"), carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> PostForm:
        """The fields of the controller's own login page; 4 is its button that submits."""
        fields = {
            "buttonClicked": "4",
            "redirect_url": self.wiring.landing,
            "err_flag": "0",
            "username": grant.session,
            "password": password(self.wiring.key, grant.session),
        }
        return PostForm(arrival.carried["switch_url"], fields)


def logout(arrival: Arrival) -> str:
    """`/logout.html` beside `/login.html`, which takes LOGOUT by POST."""
    return urljoin(arrival.carried["switch_url"], "logout.html")
