"""Aruba Instant and Instant On with an external captive portal."""

from dataclasses import dataclass
from typing import ClassVar, Final

from captive_portal.gateways.posting import Posting, Setback, phone_in, setback
from captive_portal.gateways.safe_way import SafeWay
from captive_portal.gateways.wiring import arrived, fields_of, host_of, needed, password
from captive_portal.model import Arrival, Grant, PostForm

_SETBACKS: Final = {"authentication failed": Setback.REFUSED, "access denied": Setback.EXCLUDED}


@dataclass(frozen=True, slots=True)
class ArubaInstantGateway(Posting):
    """The AP answers over HTTPS under a name of its certificate, which Instant tells as `switchip` and
    Instant On as `post` ("External Captive Portal: Configuration & Parameters").

    `read` wants that name and `mac`; `ip` is the phone's address and `errmsg` what went wrong. `wiring.hosts`
    lists the names.

    Unverified by us on hardware; others saw an AP21 ask RADIUS after a POST to /swarm.cgi. Of `errmsg` only
    the words that ArubaOS controllers send are known.
    """

    safe_way: ClassVar[SafeWay] = SafeWay.HTTPS

    def read(self, query: str) -> Arrival:
        """A phone that the AP sent. Raises ArrivalInvalid."""
        fields = fields_of(self.wiring, query)
        name = "switchip" if "switchip" in fields else "post"
        carried = {
            "post": host_of(self.wiring, needed(self.wiring, fields, name)),
            **setback(fields.get("errmsg", ""), _SETBACKS),
        }
        return arrived(self.wiring, phone_in(self.wiring, fields, "mac", "ip"), carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> PostForm:
        """The AP sends the phone to `url` once RADIUS agreed."""
        fields = {
            "cmd": "authenticate",
            "user": grant.session,
            "password": password(self.wiring.key, grant.session),
            "url": self.wiring.landing,
        }
        return PostForm(f"https://{arrival.carried['post']}/swarm.cgi", fields)
