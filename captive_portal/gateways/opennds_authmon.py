"""What openNDS's authmon asks at FAS level 3, and what it is told: pure, nothing is kept here.

The caller is the portal's POST at the address where the site's phones arrive: authmon asks where its FAS is.
It keeps what waits: an `opening` when `OpenNds.admit` said Pending, until a `reply` says that it is done or a
minute is over, since one whose phone has left is never acknowledged and holds up the others. It gives each
body to `hear` and `reply`, and a deauthed one to `parting` too.

authmon runs `eval` on an answer, as root: only hexadecimal digits ever get into one. A poll proves nothing:
who knows a gateway's name can read and empty its queue, so polls are to be heard through a tunnel only.
Sources: authmon.sh, post-request.php, binauth_log.sh and fas-aes-https.php of 9.10.0, which ran in our lab;
authmon.sh and auth.c of later versions are only read, and what polls by wget there is unverified.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.opennds import pairs_of, return_hash, unbase64
from captive_portal.gateways.units import minutes
from captive_portal.gateways.wiring import fields_of, needed
from captive_portal.model import Arrival, Grant, Wiring

AT_ONCE: Final = 4
"""Openings in one answer: authmon reads its first 1,024 characters and tries four."""

ACK: Final = "ack"

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN: Final = re.compile(r"[0-9a-f]{8}")
_SESSION: Final = re.compile(r"[0-9a-f]{32}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_LINE: Final = re.compile(r"[0-9a-f]{64}(?: [0-9]+){5} [0-9a-f]{32}")

_CAUSES: Final[Mapping[str, str]] = {
    "client_deauth": "User-Request",
    "idle_deauth": "Idle-Timeout",
    "timeout_deauth": "Session-Timeout",
    "downquota_deauth": "Octet-Limit",
    "upquota_deauth": "Octet-Limit",
    "download_quota_deauth": "Octet-Limit",
    "upload_quota_deauth": "Octet-Limit",
    "ndsctl_deauth": "Admin-Reset",
    "shutdown_deauth": "NAS-Reboot",
}
"""openNDS's reasons in the words of our own gateway; any other is "NAS-Request"."""


class Ask(StrEnum):
    """What a POST of authmon wants, by its `auth_get`."""

    CLEAR = "clear"
    VIEW = "view"
    LIST = "list"
    DEAUTHED = "deauthed"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Poll:
    """One POST: `gateway` is the SHA-256 of the gateway's name in hexadecimal, `text` its payload decoded."""

    ask: Ask
    gateway: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """A door that waits for its gateway's next poll. 0 bounds nothing; `quota_kib` is of each direction."""

    gateway: str
    rhid: str = field(repr=False)
    session: str
    minutes: int
    quota_kib: int
    up_kbps: int = 0
    down_kbps: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The body to answer with, and the rhids of the openings that need not wait any longer."""

    text: str = field(repr=False)
    done: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Parting:
    """A phone that its gateway let go.

    `session` is empty where the version does not give `custom` back (11 beta, openNDS issue 740): then the
    opening with this `rhid` was it. `id` is of the report, for one that comes twice. None is unknown.
    """

    id: str
    rhid: str = field(repr=False)
    session: str
    cause: str
    seconds: int | None
    octets_down: int | None
    octets_up: int | None


def opening(arrival: Arrival, grant: Grant) -> Opening:
    """What waits for the gateway of an arrival of level 3.

    openNDS counts whole minutes, 0 being its own default, and each direction by itself, in units of 1,024
    octets: a session may use its octets once down and once up. Rates are kbit/s, held on the average of half
    a minute (its traffic.rst: ratecheckwindow, checkinterval).
    """
    return Opening(
        gateway=arrival.carried["gateway"],
        rhid=arrival.carried["tok"],
        session=grant.session,
        minutes=minutes(grant.seconds),
        quota_kib=-(-grant.octets // 1024),
        up_kbps=grant.up_kbps,
        down_kbps=grant.down_kbps,
    )


def hear(wiring: Wiring, body: str) -> Poll:
    """The POST in a form's body. Raises ArrivalInvalid."""
    fields = fields_of(wiring, body)
    gateway = needed(wiring, fields, "gatewayhash")
    if not _HASH.fullmatch(gateway):
        raise ArrivalInvalid(wiring.site, "gatewayhash is no hash")
    try:
        return Poll(Ask(fields.get("auth_get", "")), gateway, unbase64(fields.get("payload", "")).decode())
    except ValueError as error:
        raise ArrivalInvalid(wiring.site, "the poll cannot be read") from error


def reply(poll: Poll, waiting: Iterable[Opening]) -> Reply:
    """What to answer to a poll, out of what waits at its site, oldest first."""
    mine = [one for one in waiting if one.gateway == poll.gateway]
    if poll.ask in (Ask.DEAUTHED, Ask.CUSTOM):
        return Reply(ACK)
    if poll.ask is Ask.CLEAR:
        return Reply("", tuple(one.rhid for one in mine))
    if tells(poll):
        opened = poll.text.replace("*", " ").split()
        return Reply(ACK, tuple(one.rhid for one in mine if one.rhid in opened))
    told = mine[:AT_ONCE]
    return Reply(_list(told), tuple(one.rhid for one in told) if poll.ask is Ask.LIST else ())


def tells(poll: Poll) -> bool:
    """Whether it tells what it opened; otherwise it asks."""
    return poll.ask is Ask.VIEW and poll.text != "none"


def parting(wiring: Wiring, poll: Poll) -> Parting:
    """The phone in a deauthed poll, found by its token, never by its MAC. Raises ArrivalInvalid.

    Its octets count as openNDS does: incoming is towards the phone.
    """
    said = dict(pairs_of(poll.text.strip()))
    token = said.get("token", "")
    if poll.ask is not Ask.DEAUTHED or not _TOKEN.fullmatch(token):
        raise ArrivalInvalid(wiring.site, "the report names no token")
    hid = hashlib.sha256(token.encode()).hexdigest()
    custom = said.get("custom", "")
    return Parting(
        id=hashlib.sha256(poll.text.encode()).hexdigest()[:32],
        rhid=return_hash(hid, wiring.secret),
        session=custom if _SESSION.fullmatch(custom) else "",
        cause=_CAUSES.get(said.get("method", ""), "NAS-Request"),
        seconds=_between(said, "session_start", "session_end"),
        octets_down=_number(said, "bytes_incoming"),
        octets_up=_number(said, "bytes_outgoing"),
    )


def _list(openings: Sequence[Opening]) -> str:
    return " ".join(["*", *(quote(_line(one), safe="") for one in openings)])


def _line(one: Opening) -> str:
    """The arguments of `ndsctl auth`: who, minutes, rates up and down, quotas up and down, and a custom text.

    Raises ValueError for anything that a shell could take for more.
    """
    numbers = (one.minutes, one.up_kbps, one.down_kbps, one.quota_kib, one.quota_kib)
    line = f"{one.rhid} {' '.join(map(str, numbers))} {one.session}"
    if not _LINE.fullmatch(line):
        raise ValueError("an opening with more than digits in it")
    return line


def _number(said: Mapping[str, str], name: str) -> int | None:
    text = said.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _between(said: Mapping[str, str], start: str, end: str) -> int | None:
    """Seconds by the gateway's own clock, which may have been set in between."""
    began, ended = _number(said, start), _number(said, end)
    return None if began is None or ended is None or ended < began else ended - began
