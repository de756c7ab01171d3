"""A Cambium cnPilot access point with an external hotspot page."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.posting import Posting, Setback, phone_in, setback
from captive_portal.gateways.safe_way import SafeWay
from captive_portal.gateways.wiring import arrived, fields_of, host_of, needed, password
from captive_portal.model import Arrival, Grant, PostForm

HTTPS_PORT: Final = 444
_QV: Final = re.compile(r"(?:^|&)ga_Qv=((?:[\w.~!$'()*+,;:@/?=-]|%[0-9A-Fa-f]{2})+)(?:&|$)", re.ASCII)
_SETBACKS: Final = {
    "reject": Setback.REFUSED,
    "timeout": Setback.UNANSWERED,
    "not-found": Setback.UNANSWERED,
}


@dataclass(frozen=True, slots=True)
class CambiumGateway(Posting):
    """Port 880 takes the password over HTTP, 444 over HTTPS: this one (Cambium's "External Hotspot").

    `read` wants `ga_srvr` (the AP), `ga_cmac` and `ga_Qv`, which goes back letter for letter: the AP does not
    know it when encoded twice. `ga_cip` is not always told; `ga_error_code` is what went wrong.
    `wiring.hosts` lists each AP as `NAME:444`. Afterwards the phone goes where the WLAN's success action
    leads, so that must be our landing.

    Unverified on hardware. Posting through cnMaestro, which needs the whole query, is not done.
    """

    safe_way: ClassVar[SafeWay] = SafeWay.HTTPS

    def read(self, query: str) -> Arrival:
        """A phone that the AP sent. Raises ArrivalInvalid."""
        fields = fields_of(self.wiring, query)
        opaque = _QV.search(query)
        if opaque is None:
            raise ArrivalInvalid(self.wiring.site, "ga_Qv is missing or damaged")
        carried = {
            "ga_srvr": host_of(self.wiring, f"{needed(self.wiring, fields, 'ga_srvr')}:{HTTPS_PORT}"),
            "ga_Qv": opaque[1],
            **setback(fields.get("ga_error_code", ""), _SETBACKS),
        }
        return arrived(self.wiring, phone_in(self.wiring, fields, "ga_cmac", "ga_cip"), carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> PostForm:
        """`ga_Qv` in the address, the password in the form."""
        access_point, opaque = arrival.carried["ga_srvr"], arrival.carried["ga_Qv"]
        fields = {"ga_user": grant.session, "ga_pass": password(self.wiring.key, grant.session)}
        return PostForm(f"https://{access_point}/cgi-bin/hotspot_login.cgi?ga_Qv={opaque}", fields)
