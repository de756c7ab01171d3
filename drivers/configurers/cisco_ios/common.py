"""What both kinds of Cisco device are asked for in the same words: names, logs, users, keys, our memory."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from drivers.configurers import keys
from drivers.configurers.cisco_ios import quoting
from drivers.configurers.cisco_ios.config import Entry, values
from drivers.configurers.cisco_ios.quoting import Room, carried
from drivers.configurers.cisco_ios.wanting import Setting, Want, setting, want
from drivers.configurers.seam import Wish
from drivers.configurers.zones import posix
from drivers.model import Manage, SnmpV3, Ssid, Syslog

TRIAL: Final = "plaza_trial"
ARMED: Final = "plaza_armed"
DOOR: Final = "plaza_go_"
LOGIN: Final = "! Plaza is logged in as "
"""A comment ahead of what the device printed: whose public keys are ours to set, and behind a space the hash
of the key that we logged in with, if it was one."""
MEMORY_OF_USER: Final = "alias exec plaza_snmp_"
UNSURE: Final = "unsure"
"""Instead of a digest: an SNMPv3 user whose change may or may not have been taken back."""

_ZONE: Final = re.compile(
    r"(?P<name>[A-Za-z]{3,7}|<[^>]+>)(?P<behind>[+-]?\d{1,2})(?::(?P<minutes>\d\d))?"
    r"(?:(?P<summer>[A-Za-z]{3,7}),M3\.2\.0,M11\.1\.0)?"
)
"""The summer time of the United States is the one IOS calls `recurring`."""

_KEY_HASH: Final = re.compile(r"key-hash \S+ ([0-9A-Fa-f]{32})(?: |$)")
_ROUNDS: Final = 20_000
_AUTH: Final = {"md5": "md5", "sha1": "sha"}
_PRIV: Final = {"des": "des", "aes128": "aes 128", "aes192c": "aes 192", "aes256c": "aes 256"}

TABLE: Final[tuple[Setting, ...]] = (
    setting("", "(?P<slot>hostname) .+"),
    setting("", "s?ntp server .+"),
    setting("", "(?P<slot>clock (?:timezone|summer-time)) .+", r"no \g<slot>"),
    setting("", r"logging host (?P<slot>\S+).*", r"no logging host \g<slot>"),
    setting("", r"alias exec (?P<slot>plaza_(?!trial|armed|go_|snmp_)\w+) .+", r"no alias exec \g<slot>"),
    setting(
        "",
        r"alias exec (?P<slot>plaza_snmp_([\w.-]+)) .+",
        r"no snmp-server user \2 plaza-priv v3",
        r"no alias exec \g<slot>",
    ),
    setting(r"ip ssh pubkey-chain / username \S+", "key-hash ssh-rsa [0-9A-F]+ plaza"),
)
"""Lines of these kinds are ours when the intent speaks of them; key hashes by their comment."""


def wants(wish: Wish, clock: str, login: str) -> Iterator[Want]:
    """Hostname, time (`clock` is ntp or sntp), log, SNMPv3 users, keys of the user who logs in.

    Raises ValueError for a value that no line can carry.
    """
    manage = wish.intent.manage
    yield want(f"hostname {carried(wish.intent.hostname, quoting.HOSTNAME)}")
    yield from (want(f"{clock} server {carried(host, quoting.HOST)}") for host in manage.ntp)
    yield from _zone(manage.zone) if manage.zone else ()
    if manage.syslog is not None:
        yield want(f"logging host {_log(manage.syslog)}")
    for name in manage.snmp_users:
        if name not in wish.snmp_users:
            raise ValueError(f"nobody knows the SNMPv3 user {name!r}")
        yield from _snmp(wish.snmp_users[name])
    for key in keys.without(manage.ssh_keys, keys.revoked(wish.intent.device, manage.revoked_keys)):
        chain, user = "ip ssh pubkey-chain", f"username {carried(login, quoting.USER)}"
        yield want(chain)
        yield want(chain, user)
        yield want(chain, user, f"key-hash ssh-rsa {_key_hash(key)} plaza")


def logged_in(text: str) -> tuple[str, str]:
    """Of what the device printed, under LOGIN: the user we are, the hash of our key or ""."""
    first = text.partition("\n")[0]
    user, _, key = first.removeprefix(LOGIN).partition(" ") if first.startswith(LOGIN) else ("", "", "")
    return user, key


def refused(device: str, text: str, revoked: tuple[str, ...]) -> frozenset[str]:
    """The hashes of the keys that may not log in at a device that printed this.

    Raises ValueRefused, and ConfigRejected where the key that we logged in with is among them.
    """
    gone = frozenset(map(hash_of, keys.revoked(device, revoked)))
    keys.refuse_own(device, own=logged_in(text)[1] in gone)
    return gone


def held(running: Sequence[Entry], gone: frozenset[str]) -> Iterator[Entry]:
    """The lines of those keys, of any user and with any comment."""
    for entry in running:
        found = _KEY_HASH.match(entry.line) if entry.path[:1] == ("ip ssh pubkey-chain",) else None
        if found is not None and found[1].upper() in gone:
            yield entry


def spoken_of(manage: Manage, entry: Entry) -> bool:
    """Whether a line of TABLE is ours under this intent: what is empty there is left as the device has it."""
    if entry.path:
        return bool(manage.ssh_keys)
    if entry.line.startswith(MEMORY_OF_USER):
        return bool(manage.snmp_users)
    if entry.line.startswith("logging host "):
        return manage.syslog is not None
    if entry.line.startswith("clock "):
        return bool(manage.zone)
    return bool(manage.ntp) or "ntp server " not in entry.line


def passphrase(wish: Wish, ssid: Ssid, room: Room) -> str:
    """The key of a network. Raises ValueError."""
    if ssid.passphrase not in wish.passphrases:
        raise ValueError(f"nobody knows the passphrase {ssid.passphrase!r} of {ssid.name!r}")
    return carried(wish.passphrases[ssid.passphrase].reveal(), room)


def marker(kind: str, name: str, *what: str) -> Want:
    """A line that remembers something of ours by a digest."""
    return want(f"alias exec plaza_{kind}_{name} {digest(*what)}")


@lru_cache(maxsize=4096)
def digest(*what: str) -> str:
    """10 hexadecimal digits; slow and short, so that it gives no key away."""
    told = "\0".join(what).encode("utf-8", "surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", told, b"plaza", _ROUNDS, 5).hex()


def remembered(running: Sequence[Entry], kind: str) -> dict[str, str]:
    """The digests of one kind, by name."""
    pattern = rf"alias exec plaza_{kind}_(\S+ \S+)"
    return dict(both.split(" ") for both in values(running, (), pattern))


def hash_of(public_key: bytes) -> str:
    """What IOS keeps of a public key."""
    return hashlib.md5(public_key, usedforsecurity=False).hexdigest().upper()


def _zone(zone: str) -> Iterator[Want]:
    found = _ZONE.fullmatch(posix(zone))
    if found is None:
        raise ValueError(f"IOS does not know the summer time of {zone}")
    name = found["name"] if found["name"].isalpha() else "LOC"
    yield want(f"clock timezone {name} {-int(found['behind'])} {int(found['minutes'] or 0)}")
    if found["summer"]:
        yield want(f"clock summer-time {found['summer']} recurring")


def _log(syslog: Syslog) -> str:
    host = carried(syslog.host, quoting.HOST)
    protocol = carried(syslog.protocol, quoting.NAME)
    plain = protocol == "udp" and syslog.port == 514
    return host if plain else f"{host} transport {protocol} port {syslog.port}"


def _snmp(user: SnmpV3) -> Iterator[Want]:
    """A user is in no configuration, and no revert takes it back: what we remember of it is UNSURE while a
    change of it is tried, so that it is set again after a revert."""
    if user.auth_key is None or user.priv_key is None:
        raise ValueError("an SNMPv3 user without authentication and privacy is not set up on Cisco")
    if user.auth_protocol not in _AUTH or user.priv_protocol not in _PRIV:
        known = ", ".join([*_AUTH, *_PRIV])
        raise ValueError(
            f"SNMPv3 on Cisco speaks {known}, not {user.auth_protocol} with {user.priv_protocol}"
        )
    name = carried(user.user, quoting.NAME)
    auth, priv = (carried(key.reveal(), quoting.WORD) for key in (user.auth_key, user.priv_key))
    secure = f"auth {_AUTH[user.auth_protocol]} {auth} priv {_PRIV[user.priv_protocol]} {priv}"
    yield want("snmp-server group plaza-priv v3 priv")
    line = f"{MEMORY_OF_USER}{name} {digest(name, secure)}"
    yield want(line, first=(f"snmp-server user {name} plaza-priv v3 {secure}",))


def _key_hash(key: str) -> str:
    """Of a line of authorized_keys. Raises ValueError for a kind that IOS does not know."""
    kind, _, rest = key.strip().partition(" ")
    if kind != "ssh-rsa":
        raise ValueError(f"IOS takes ssh-rsa keys, no {kind[:32]!r}")
    try:
        return hash_of(base64.b64decode(rest.partition(" ")[0], validate=True))
    except binascii.Error as error:
        raise ValueError("an SSH key is no base64") from error
