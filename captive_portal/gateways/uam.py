"""UAM, the access method that CoovaChilli invented and uspot speaks: what both kinds share.

Formulas as in CoovaChilli 1.x (`src/redir.c`) and uspot (`src/uam.c`), ‖ is concatenation of octets:
`md` = MD5(the address before `&md=` ‖ uamsecret) in upper-case hex; a CHAP response as RFC 1994 has it,
MD5(identifier ‖ password ‖ MD5(challenge ‖ uamsecret)), whose identifier is 0 unless the phone brings one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urljoin

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.wiring import (
    arrived,
    fields_of,
    host_of,
    mac_of,
    needed,
    password,
    url_of,
)
from captive_portal.model import Arrival, Grant, Phone, Redirect, Wiring

ONLINE: Final = frozenset({"success", "already"})
WAITING: Final = frozenset({"notyet", "failed", "reject", "logoff"})
_CHALLENGE: Final = re.compile(r"[0-9A-Fa-f]{32}")


def signature(url: str, secret: bytes) -> str:
    """The `md` of an address."""
    return hashlib.md5(url.encode("utf-8", "replace") + secret, usedforsecurity=False).hexdigest().upper()


def response(challenge: str, secret: bytes, one_time_password: str) -> str:
    """What proves the password to RADIUS without telling it to the phone: 32 hex digits.

    `challenge` is 32 hex digits. FreeRADIUS is shown `MD5(challenge ‖ secret)` as its CHAP-Challenge.
    """
    shown = hashlib.md5(bytes.fromhex(challenge) + secret, usedforsecurity=False).digest()
    return hashlib.md5(b"\0" + one_time_password.encode() + shown, usedforsecurity=False).hexdigest()


def believed(wiring: Wiring, query: str, *spellings: str) -> dict[str, str]:
    """The fields of a query that the gateway signed, as it came or in another spelling of the same.

    `md` is the only integrity that UAM has, so a site without a secret believes nobody, and nothing may
    follow `md`. Raises ArrivalInvalid.
    """
    fields = fields_of(wiring, query)
    if not wiring.secret:
        raise ArrivalInvalid(wiring.site, "without a uamsecret no arrival can be believed")
    if not any(_is_signed(wiring, spelt) for spelt in (query, *spellings)):
        raise ArrivalInvalid(wiring.site, "the gateway did not sign this query")
    return fields


def arrival(wiring: Wiring, fields: Mapping[str, str]) -> Arrival:
    """The phone that the gateway tells of, and `res`: how it stands there. Raises ArrivalInvalid.

    `notyet`, `failed`, `reject` and `logoff` bring a challenge, and `carried` holds what a logon takes:
    `res`, `challenge`, `logon` (the address). `success` and `already` are online: `carried` is `res` alone,
    and whoever shows the page shows the landing instead of a button, so that nobody goes round in circles.
    """
    phone = Phone(mac_of(wiring, needed(wiring, fields, "mac")), needed(wiring, fields, "ip"))
    res = needed(wiring, fields, "res")
    if res in ONLINE:
        return arrived(wiring, phone, {"res": res})
    if res not in WAITING:
        raise ArrivalInvalid(wiring.site, "res is none that a gateway tells")
    challenge = needed(wiring, fields, "challenge")
    if not _CHALLENGE.fullmatch(challenge):
        raise ArrivalInvalid(wiring.site, "the challenge is not 16 octets in hex")
    carried = {"res": res, "challenge": challenge, "logon": _logon(wiring, fields)}
    return arrived(wiring, phone, carried, nonce=challenge)


def answer(wiring: Wiring, arrival: Arrival, grant: Grant) -> Redirect:
    """The phone carries the CHAP response to its gateway, or goes to the landing if it is online already.

    The user's name is the session's; its password never leaves us: RADIUS is told it by `wiring.password`.
    """
    carried = arrival.carried
    if carried["res"] in ONLINE:
        return Redirect(wiring.landing)
    proof = response(carried["challenge"], wiring.secret, password(wiring.key, grant.session))
    logon = {"username": grant.session, "response": proof, "userurl": wiring.landing}
    return Redirect(f"{carried['logon']}?{urlencode(logon)}")


def logout(arrival: Arrival) -> str:
    """`/logoff` beside `/logon`, by GET; "" for a phone that came when it was in already."""
    logon = arrival.carried.get("logon", "")
    return urljoin(logon, "logoff") if logon else ""


def _is_signed(wiring: Wiring, query: str) -> bool:
    signed, _, md = query.rpartition("&md=")
    expected = signature(f"{wiring.portal_url}?{signed}", wiring.secret)
    return hmac.compare_digest(md.encode("utf-8", "replace"), expected.encode())


def _logon(wiring: Wiring, fields: Mapping[str, str]) -> str:
    """Where a gateway takes logons: under its `ssl` address where it has one, so that no hop is in clear."""
    if fields.get("ssl"):
        return f"{url_of(wiring, needed(wiring, fields, 'ssl'), ('https',)).removesuffix('/')}/logon"
    at = f"{needed(wiring, fields, 'uamip')}:{needed(wiring, fields, 'uamport')}"
    return f"http://{host_of(wiring, at)}/logon"
