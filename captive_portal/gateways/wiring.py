"""What all kinds of gateway share: reading a query that nobody vouches for yet."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, Phone, Wiring

MAX_FIELDS: Final = 32
MAX_QUERY: Final = 4096
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([-:]?)(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")


def fields_of(wiring: Wiring, query: str) -> dict[str, str]:
    """The query's fields, decoded once, each once. Raises ArrivalInvalid."""
    if len(query) > MAX_QUERY:
        raise ArrivalInvalid(wiring.site, "the query is longer than any gateway's")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise ArrivalInvalid(wiring.site, "the query cannot be read") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArrivalInvalid(wiring.site, "a field comes twice")
    return found


def needed(wiring: Wiring, fields: Mapping[str, str], name: str) -> str:
    """A field that must be there, without control characters. Raises ArrivalInvalid."""
    value = fields.get(name, "")
    if not value or not value.isprintable():
        raise ArrivalInvalid(wiring.site, f"{name} is missing or damaged")
    return value


def is_mac(text: str) -> bool:
    """Whether this is a MAC, however it is spelt."""
    return _MAC.fullmatch(text) is not None


def mac_of(wiring: Wiring, text: str) -> str:
    """A MAC however it is spelt, as lower-case octets with colons. Raises ArrivalInvalid."""
    if not is_mac(text):
        raise ArrivalInvalid(wiring.site, "that is no MAC")
    digits = re.sub("[-:]", "", text).lower()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def host_of(wiring: Wiring, host: str) -> str:
    """A host, with or without port, that is this site's. Raises ArrivalInvalid."""
    if host.lower() not in wiring.hosts:
        raise ArrivalInvalid(wiring.site, "the gateway's address is not one of this site's")
    return host.lower()


def url_of(wiring: Wiring, url: str, schemes: tuple[str, ...] = ("https", "http")) -> str:
    """An address at a host of this site, without user, fragment or control characters.

    Raises ArrivalInvalid.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc
    except ValueError as error:
        raise ArrivalInvalid(wiring.site, "the gateway's address cannot be read") from error
    if parts.scheme not in schemes or "@" in host or "\\" in url or parts.fragment or not url.isprintable():
        raise ArrivalInvalid(wiring.site, "the gateway's address cannot be believed")
    host_of(wiring, host)
    return url


def arrived(wiring: Wiring, phone: Phone, carried: Mapping[str, str], nonce: str = "") -> Arrival:
    """The arrival of a phone whose gateway names it in clear; only its pseudonyms are kept of it."""
    return Arrival(
        site=wiring.site,
        device=pseudonym(wiring.key, phone.mac),
        binding=pseudonym(wiring.key, phone.mac, phone.ip),
        stamp="",
        nonce=nonce,
        phone=phone,
        carried=carried,
    )


def password(key: bytes, session: str) -> str:
    """The one-time password under which a gateway's RADIUS asks for a session: only we can make it."""
    return hmac.new(key, b"radius\0" + session.encode(), hashlib.sha256).hexdigest()[:24]


def landed(wiring: Wiring, language: str) -> str:
    """The page of ours where a phone ends up, in its language."""
    mark = "&" if "?" in wiring.landing else "?"
    return f"{wiring.landing}{mark}{urlencode({'lang': language})}"
