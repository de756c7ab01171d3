"""A MikroTik hotspot: its login page brings the phone, and takes the password or a digest of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode, urljoin, urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.posting import Posting, Setback, login_page, phone_in, setback
from captive_portal.gateways.safe_way import SafeWay, over_https
from captive_portal.gateways.wiring import arrived, fields_of, needed, password
from captive_portal.model import Arrival, Grant, PostForm, Redirect

_OCTAL: Final = re.compile(r"(?:\\[0-3][0-7]{2}){1,64}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){1,64}")
_SETBACKS: Final = {
    "invalid username or password": Setback.REFUSED,
    "already authorizing, retry later": Setback.BUSY,
    "radius server is not responding": Setback.UNANSWERED,
}


@dataclass(frozen=True, slots=True)
class MikrotikGateway(Posting):
    r"""RouterOS, "Hotspot customisation" in its manual, and `login.html` as our configurer writes it.

    `read` wants `mac`, `ip` and `link-login-only`; with http-chap also `chap-id` and `chap-challenge`, as
    `\371` per octet or as hexadecimal. Without these two the address must be https. `error` is what RouterOS
    says in errors.txt. `wiring.hosts` names the hotspot's `dns-name` or address.

    Unverified on hardware: that `/login` takes the password by GET as it takes the trial user of the default
    page, how `$(chap-challenge-esc)` is spelt, and that `/logout` is under HTTPS where `/login` is.
    """

    safe_way: ClassVar[SafeWay] = SafeWay.GET

    def read(self, query: str) -> Arrival:
        """A phone that the hotspot's login page sent. Raises ArrivalInvalid."""
        fields = fields_of(self.wiring, query)
        url = login_page(self.wiring, needed(self.wiring, fields, "link-login-only"), "/login")
        challenge = self._challenge(fields)
        carried = {
            "link-login-only": url if challenge else over_https(self.wiring, url),
            **challenge,
            **setback(fields.get("error", ""), _SETBACKS),
        }
        return arrived(self.wiring, phone_in(self.wiring, fields, "mac", "ip"), carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> PostForm | Redirect:
        """A form over HTTPS; over HTTP a redirect with the digest."""
        url = arrival.carried["link-login-only"]
        fields = {
            "username": grant.session,
            "password": _answer(arrival.carried, password(self.wiring.key, grant.session)),
            "dst": self.wiring.landing,
        }
        if urlsplit(url).scheme == "https":
            return PostForm(url, fields)
        return Redirect(f"{url}?{urlencode(fields)}")

    def _challenge(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Both parts in hexadecimal; empty without CHAP."""
        found = {name: fields.get(name, "") for name in ("chap-id", "chap-challenge")}
        if not any(found.values()):
            return {}
        challenge = {name: self._octets(name, text).hex() for name, text in found.items()}
        if len(challenge["chap-id"]) != 2:
            raise ArrivalInvalid(self.wiring.site, "chap-id is not one octet")
        return challenge

    def _octets(self, name: str, text: str) -> bytes:
        if _OCTAL.fullmatch(text):
            return bytes(int(octet, 8) for octet in text.split("\\")[1:])
        if _HEX.fullmatch(text):
            return bytes.fromhex(text)
        raise ArrivalInvalid(self.wiring.site, f"{name} is missing or damaged")


def logout(arrival: Arrival) -> str:
    """`/logout` beside `/login`, by GET; no cookie is left that would let the next one in."""
    return urljoin(arrival.carried["link-login-only"], "logout?erase-cookie=on")


def _answer(carried: Mapping[str, str], secret: str) -> str:
    """The password, or with a challenge its digest (RFC 1994, section 4.1)."""
    if "chap-id" not in carried:
        return secret
    chap_id, challenge = (bytes.fromhex(carried[name]) for name in ("chap-id", "chap-challenge"))
    return hashlib.md5(chap_id + secret.encode() + challenge, usedforsecurity=False).hexdigest()
