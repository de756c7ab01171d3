"""How openNDS asks for a grant and is given one: its forwarding authentication service (FAS).

A site's FAS level (openNDS's `fas_secure_enabled`) is its wiring's variant, "level-0" to "level-4"; level 2
if it names none. A query of another form than the site's level is not believed.

2, 3     for service: `fas` is AES-256-CBC under the faskey. At 2 the phone carries the answer too (style A),
         at 3 the gateway polls for it (style D, `opennds_authmon`); their queries look the same.
0, 1, 4  for a lab: the phone can read what opens the door, or guess it in minutes, since `hid` is the SHA-256
         of a token of 32 bits; and anybody can write the rest.

The cipher proves nothing (CBC without a MAC can be bent), so every field is checked like a stranger's.
Sources: openNDS's http_microhttpd.c and fas-*.php of 9.10.0, which ran in our lab at levels 0 to 3, and of
10.x, which is only read here: level 4 and 10.x are unverified on hardware.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.wiring import arrived, fields_of, host_of, landed, mac_of, needed, url_of
from captive_portal.model import Admitted, Arrival, Grant, Pending, Phone, Redirect, Wiring

AUTHDIR: Final = "opennds_auth"
"""Where a phone takes its token, when the query does not say: levels 1 and 4 never do."""

DENYDIR: Final = "opennds_deny"
"""Where a phone that is in logs itself out, by GET (`client_deauth`), in 9.10.0 and 10.x."""

_KEY_OCTETS: Final = 32
_BLOCK_BITS: Final = 128
_HID: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN: Final = re.compile(r"[0-9a-f]{8}")
_AUTHDIR: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_READ: Final = frozenset({"hid", "clientip", "clientmac", "gatewayname", "gatewayaddress", "authdir"})


class Form(StrEnum):
    """What a level's query looks like."""

    CLEAR = "tok"
    HASHED = "fas"
    SEALED = "fas and iv"


@dataclass(frozen=True, slots=True)
class Level:
    """One `fas_secure_enabled`: the form of the query, and whether the gateway polls for the answer."""

    form: Form
    polled: bool


LEVELS: Final[Mapping[str, Level]] = {
    "level-0": Level(Form.CLEAR, polled=False),
    "level-1": Level(Form.HASHED, polled=False),
    "level-2": Level(Form.SEALED, polled=False),
    "level-3": Level(Form.SEALED, polled=True),
    "level-4": Level(Form.HASHED, polled=True),
}


class OpenNds:
    """The portal's side of one site's openNDS; the wiring's `secret` is the faskey.

    Raises ValueError for a variant that is no level, and without a faskey: an empty one is everybody's.
    """

    def __init__(self, wiring: Wiring) -> None:
        variant = wiring.variant or "level-2"
        if variant not in LEVELS:
            raise ValueError(f"{wiring.site}: {variant!r} is no FAS level, write one of {', '.join(LEVELS)}")
        if not wiring.secret:
            raise ValueError(f"{wiring.site}: openNDS needs its faskey")
        self._wiring = wiring
        self._level = LEVELS[variant]

    def read(self, query: str) -> Arrival:
        """The arrival. Raises ArrivalInvalid unless it is of the site's own level and names its gateway."""
        fields = fields_of(self._wiring, query)
        form = _form(fields)
        if form is not self._level.form:
            reason = f"not of this site's FAS level, which sends {self._level.form}: check fas_secure_enabled"
            raise ArrivalInvalid(self._wiring.site, reason)
        if form is Form.CLEAR:
            return _clear(self._wiring, fields)
        text = _unsealed(self._wiring, fields) if form is Form.SEALED else _unhashed(self._wiring, fields)
        return _hidden(self._wiring, _parts(self._wiring, text))

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Redirect | Pending:
        """The phone takes its token to the gateway; at levels 3 and 4 `opennds_authmon.opening` waits there.

        `redir` is always sent: 9.10.0 dies without. The language goes with it, not in `custom`, which openNDS
        logs beside the MAC. A redirect bounds nothing: the session lasts openNDS's own `sessiontimeout`,
        which has to be the plan's, unless the site's BinAuth script obeys `session_length` (the one of 9.10.0
        looks for it in an argument that the daemon leaves out).
        """
        if self._level.polled:
            return Pending()
        custom = f"session={grant.session}, session_length={grant.seconds}"
        told = {
            "tok": arrival.carried["tok"],
            "redir": landed(self._wiring, language),
            "custom": base64.b64encode(custom.encode()).decode(),
        }
        place = f"http://{arrival.carried['gatewayaddress']}/{arrival.carried['authdir']}/"
        return Redirect(f"{place}?{urlencode(told)}")

    def dismiss(self, admitted: Admitted) -> bool:
        """False: openNDS cannot be told from outside, not even when it polls."""
        return False

    def account(self, admitted: Sequence[Admitted]) -> None:
        """At level 3 it tells by itself, when it lets a phone go; at the others never."""


def logout(arrival: Arrival) -> str:
    """The gateway's own address; a phone that is out is told so there (511)."""
    return f"http://{arrival.carried['gatewayaddress']}/{DENYDIR}/"


def return_hash(hid: str, faskey: bytes) -> str:
    """What opens the door of the phone that came with this `hid`; openNDS calls it rhid."""
    return hashlib.sha256(hid.encode() + faskey).hexdigest()


def unbase64(text: str) -> bytes:
    """Octets of base64 that was put into a form unescaped, so that its `+` arrived as a space.

    Raises ValueError.
    """
    return base64.b64decode(text.replace(" ", "+") + "=" * (-len(text) % 4), validate=True)


def pairs_of(text: str) -> list[tuple[str, str]]:
    """The `name=value` of an openNDS list, parted by comma and space; `(null)` tails have no name."""
    parted = (part.partition("=") for part in text.split(", "))
    return [(name, value) for name, equals, value in parted if equals]


def _form(fields: Mapping[str, str]) -> Form:
    if "iv" in fields:
        return Form.SEALED
    return Form.HASHED if "fas" in fields else Form.CLEAR


def _unsealed(wiring: Wiring, fields: Mapping[str, str]) -> str:
    """The text of `fas`. PHP pads a short key with NUL and cuts a long one, and encodes in base64 twice.

    All of it has to be text: a tail that nobody reads would tell good padding from bad, and with that a phone
    could have us decipher its own `hid` (a padding oracle). So the reason is one, whatever was wrong.
    """
    key = wiring.secret[:_KEY_OCTETS].ljust(_KEY_OCTETS, b"\0")
    try:
        sealed = base64.b64decode(unbase64(fields["fas"]), validate=True)
        opened = Cipher(AES256(key), CBC(fields["iv"].encode("ascii"))).decryptor()
        padding = PKCS7(_BLOCK_BITS).unpadder()
        padded = opened.update(sealed) + opened.finalize()
        return _text(padding.update(padded) + padding.finalize())
    except (KeyError, ValueError) as error:
        raise ArrivalInvalid(wiring.site, "fas cannot be believed") from error


def _unhashed(wiring: Wiring, fields: Mapping[str, str]) -> str:
    try:
        return _text(unbase64(fields["fas"]))
    except ValueError as error:
        raise ArrivalInvalid(wiring.site, "fas cannot be read") from error


def _text(octets: bytes) -> str:
    text = octets.decode()
    if not text.isprintable():
        raise ValueError("control characters")
    return text


def _parts(wiring: Wiring, text: str) -> dict[str, str]:
    """The fields we read. Custom parameters and whatever a version adds are passed over, in any order."""
    pairs = [(name, value) for name, value in pairs_of(text) if name in _READ]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArrivalInvalid(wiring.site, "a field of fas comes twice")
    return found


def _hidden(wiring: Wiring, parts: Mapping[str, str]) -> Arrival:
    """An arrival of levels 1 to 4. `gateway` is the name its authmon polls by."""
    hid = _like(wiring, _HID, parts.get("hid", ""), "hid")
    phone = Phone(mac_of(wiring, needed(wiring, parts, "clientmac")), _ip(wiring, parts.get("clientip", "")))
    carried = {
        "tok": return_hash(hid, wiring.secret),
        "gatewayaddress": host_of(wiring, needed(wiring, parts, "gatewayaddress")),
        "authdir": _like(wiring, _AUTHDIR, parts.get("authdir", AUTHDIR), "authdir"),
        "gateway": hashlib.sha256(needed(wiring, parts, "gatewayname").encode()).hexdigest(),
    }
    return arrived(wiring, phone, carried)


def _clear(wiring: Wiring, fields: Mapping[str, str]) -> Arrival:
    """An arrival of level 0. It names no MAC, so the IP has to do for a device.

    Its first field is an address with a query: `authaction=http://{gatewayaddress}/{authdir}/?clientip=…`.
    """
    action = urlsplit(url_of(wiring, needed(wiring, fields, "authaction"), ("http",)))
    ip = _ip(wiring, parse_qs(action.query).get("clientip", [""])[0])
    carried = {
        "tok": _like(wiring, _TOKEN, fields.get("tok", ""), "tok"),
        "gatewayaddress": action.netloc,
        "authdir": _like(wiring, _AUTHDIR, action.path.removeprefix("/").removesuffix("/"), "authdir"),
    }
    device = pseudonym(wiring.key, ip)
    return Arrival(site=wiring.site, device=device, binding=device, stamp="", nonce="", carried=carried)


def _ip(wiring: Wiring, text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ArrivalInvalid(wiring.site, "clientip is no address") from error


def _like(wiring: Wiring, pattern: re.Pattern[str], text: str, name: str) -> str:
    if not pattern.fullmatch(text):
        raise ArrivalInvalid(wiring.site, f"{name} is missing or damaged")
    return text
