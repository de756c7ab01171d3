"""How a phone carries a password to its gateway without being warned off and without telling the square."""

from enum import StrEnum
from urllib.parse import urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.model import Wiring


class SafeWay(StrEnum):
    """What keeps a kind of gateway to which phones POST from telling the password to everybody nearby.

    HTTPS: its login page has a certificate that phones trust, and our form leads there or nowhere.
    GET: over plain HTTP it takes a digest that answers one challenge, carried by a redirect, because browsers
    warn of a form that leads from HTTPS to HTTP but follow a redirect. Over HTTPS it is the form.

    A page of ours on plain HTTP is not a way. It would spare the warning, but RADIUS takes the password from
    whoever shows the phone's MAC, and an open network tells both. A gateway without a certificate is wired as
    the kind `radius`, where there is no password.
    """

    HTTPS = "https"
    GET = "get"


def over_https(wiring: Wiring, url: str) -> str:
    """The address, if a password may go there. Raises ArrivalInvalid."""
    if urlsplit(url).scheme != "https":
        reason = "it would send the password in clear: give the gateway a certificate, or use the kind radius"
        raise ArrivalInvalid(wiring.site, reason)
    return url
