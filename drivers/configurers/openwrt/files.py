"""The files that are not UCI: between two marks the lines are ours, and everybody else's stay around them.

In the running configuration they are a package of their own, `files`, whose sections are named as here and
hold our lines as a list. Nothing of that name exists on the device.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Intent, Secret, SnmpV3

PACKAGE: Final = "files"
KIND: Final = "block"


@dataclass(frozen=True, slots=True)
class File:
    """`option` is what its lines are listed as; `service` is restarted when they change, "-" is none."""

    name: str
    option: str
    service: str
    path: str

    def __str__(self) -> str:
        """As the script reads it."""
        return f"{self.name}:{self.option}:{self.service}:{self.path}"


KEYS: Final = File("authorized_keys", "line", "-", "etc/dropbear/authorized_keys")
CRONTAB: Final = File("crontab", "line", "cron", "etc/crontabs/root")
# snmp_config(5): read beside snmpd.conf, which the init script writes anew at each start from UCI, and UCI
# has no word for a user of SNMPv3. Where exactly OpenWrt's build looks is unverified on hardware.
SNMP_USERS: Final = File("snmp_users", "secret_line", "snmpd", "etc/snmp/snmpd.local.conf")
FILES: Final = (KEYS, CRONTAB, SNMP_USERS)

_KEY_TYPES: Final = frozenset(
    {
        *("ssh-ed25519", "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
        *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    }
)
_KEY_OCTETS: Final = 3000  # dropbear reads no longer line
_AUTH: Final[Mapping[str, str]] = {
    "md5": "MD5",
    "sha1": "SHA",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
_PRIV: Final[Mapping[str, str]] = {"des": "DES", "aes128": "AES"}
"""What net-snmp's createUser calls them; it has the longer AES only where it was built for it."""
_USER: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SNMP_KEY: Final = re.compile(r"[ !#-\[\]-~]{8,64}")  # printable ASCII but " and \


def keys(intent: Intent) -> tuple[str, ...]:
    """The lines of authorized_keys. Raises ValueRefused for what is no public key."""
    return tuple(_key(intent, number, line) for number, line in enumerate(intent.manage.ssh_keys, start=1))


def _key(intent: Intent, number: int, line: str) -> str:
    kind, _, rest = line.strip(" ").partition(" ")
    encoded = rest.strip(" ").partition(" ")[0]
    if kind not in _KEY_TYPES or kind.encode() != _first_string(encoded):
        what, hint = f"SSH key {number} is no public key", "write the line of a .pub file, without options"
        raise ValueRefused(intent.device, what, hint)
    if len(line.encode("utf-8", "surrogatepass")) > _KEY_OCTETS:
        raise ValueRefused(intent.device, f"SSH key {number} is too long", "shorten its comment")
    return line.strip(" ")


def _first_string(encoded: str) -> bytes:
    """The type that a key names itself (RFC 4253, section 6.6); empty when it is not whole."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return blob[4 : 4 + int.from_bytes(blob[:4])]


def snmp_users(intent: Intent, users: Mapping[str, SnmpV3]) -> tuple[str, ...]:
    """The lines of snmpd.local.conf. Raises ValueRefused, and never shows a key."""
    return tuple(line for name in intent.manage.snmp_users for line in _user(intent, name, users.get(name)))


def _user(intent: Intent, name: str, user: SnmpV3 | None) -> Iterator[str]:
    wrong = "is not known" if user is None else _why_not(user)
    if user is None or wrong:
        raise ValueRefused(intent.device, f"the SNMP user {name!r} {wrong}", "mend that credential")
    words = [f"createUser {user.user}", *_secret(_AUTH, user.auth_protocol, user.auth_key)]
    words += _secret(_PRIV, user.priv_protocol, user.priv_key)
    yield " ".join(words)
    yield f"rouser {user.user} {'priv' if user.priv_key else 'auth'}"


def _secret(names: Mapping[str, str], protocol: str, key: Secret | None) -> tuple[str, ...]:
    return () if key is None else (names[protocol], f'"{key.reveal()}"')


def _why_not(user: SnmpV3) -> str:
    if not _USER.fullmatch(user.user):
        return "has a user name with other than letters, digits, _ and -"
    if user.auth_key is None or user.auth_protocol not in _AUTH:
        return "needs an authentication that net-snmp has"
    if user.priv_key is not None and user.priv_protocol not in _PRIV:
        return "needs des or aes128: net-snmp has no other everywhere"
    if user.context:
        return "has a context, which net-snmp's agent does not serve"
    keys = (key.reveal() for key in (user.auth_key, user.priv_key) if key is not None)
    if not all(map(_SNMP_KEY.fullmatch, keys)):
        return 'has a key that is not 8 to 64 printable ASCII characters without " and \\'
    return ""


def needs_snmpd(intent: Intent, *, installed: bool) -> None:
    """Raises ConfigRejected when users are wanted of an agent that is not there."""
    if intent.manage.snmp_users and not installed:
        hint = "run `opkg update && opkg install snmpd` there, or take `snmp_users` from its inventory"
        raise ConfigRejected(intent.device, "it has no SNMP agent", hint)
