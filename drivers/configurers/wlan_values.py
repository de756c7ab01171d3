"""Values of an intent that vendors of access points check alike."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from drivers.configurers.seam import Wish
from drivers.configurers.sections import quote
from drivers.errors import ValueRefused
from drivers.model import Captive, GatewayKind, Intent, Secret, Security, SnmpV3, Ssid

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST: Final = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}")
_MEND: Final = "mend the value in the inventory"


def refuse(intent: Intent, reason: str, hint: str = _MEND) -> ValueRefused:
    """The error for a value that the platform cannot carry."""
    return ValueRefused(intent.device, reason, hint)


def quotable(intent: Intent, name: str, value: str) -> str:
    """The value. Raises ValueRefused, with `name` and never the value, when it cannot be typed."""
    try:
        quote(value)
    except ValueError as error:
        raise refuse(intent, f"{name} {error}") from None
    return value


def hostname(intent: Intent) -> str:
    """The host name. Raises ValueRefused."""
    if not _HOSTNAME.fullmatch(intent.hostname):
        raise refuse(intent, f"{intent.hostname!r} is no host name", "use letters, digits and hyphens")
    return intent.hostname


def country(intent: Intent) -> str:
    """Two letters. Raises ValueRefused."""
    if not re.fullmatch(r"[A-Z]{2}", intent.country):
        raise refuse(intent, f"{intent.country!r} is no country", "write two capital letters, such as MX")
    return intent.country


def host(intent: Intent, name: str) -> str:
    """A host name or an address. Raises ValueRefused."""
    if not _HOST.fullmatch(name):
        raise refuse(intent, f"{name!r} is no host name or IPv4 address")
    return name


def ssid_name(intent: Intent, ssid: Ssid) -> str:
    """1 to 32 octets that can be typed. Raises ValueRefused."""
    size = len(ssid.name.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= 32:
        raise refuse(intent, f"the SSID {ssid.name!r} has {size} octets", "an SSID has 1 to 32")
    return quotable(intent, f"the SSID {ssid.name!r}", ssid.name)


def passphrase(wish: Wish, ssid: Ssid) -> str:
    """The passphrase of an SSID, empty where it has none. Raises ValueRefused."""
    if ssid.security not in {Security.WPA2, Security.WPA3}:
        return ""
    value = secret(wish.intent, wish.passphrases, ssid.passphrase, f"the SSID {ssid.name!r}")
    if not _PASSPHRASE.fullmatch(value):
        what = f"the passphrase {ssid.passphrase!r} cannot be one"
        raise refuse(wish.intent, what, "use 8 to 63 printable ASCII characters")
    return quotable(wish.intent, f"the passphrase {ssid.passphrase!r}", value)


def secret(intent: Intent, secrets: Mapping[str, Secret], name: str, of: str) -> str:
    """A secret by the name of its credential. Raises ValueRefused."""
    if name not in secrets:
        raise refuse(intent, f"{of} has no secret", "name a credential in the inventory")
    return quotable(intent, f"the secret {name!r}", secrets[name].reveal())


def users(
    wish: Wish, auth: Mapping[str, str], priv: Mapping[str, str]
) -> list[tuple[str, str, str, str, str]]:
    """User, protocol, key, protocol, key of each SNMPv3 user, with the platform's names of protocols.

    Raises ValueRefused for a user that has not both, or a protocol the platform does not name.
    """
    return [
        _user(wish.intent, name, wish.snmp_users[name], auth, priv) for name in wish.intent.manage.snmp_users
    ]


def _user(
    intent: Intent, name: str, user: SnmpV3, auth: Mapping[str, str], priv: Mapping[str, str]
) -> tuple[str, str, str, str, str]:
    if user.auth_key is None or user.priv_key is None:
        raise refuse(intent, f"the SNMPv3 user {name!r} needs an auth_key and a priv_key here")
    for protocol, known in ((user.auth_protocol, auth), (user.priv_protocol, priv)):
        if protocol not in known:
            what = f"the SNMPv3 user {name!r} wants {protocol}"
            raise refuse(intent, what, f"it takes {', '.join(sorted(known))}")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,31}", user.user):
        raise refuse(intent, f"the SNMPv3 user {name!r} has a name it cannot take")
    keys = [
        quotable(intent, f"a key of the SNMPv3 user {name!r}", key.reveal())
        for key in (user.auth_key, user.priv_key)
    ]
    return user.user, auth[user.auth_protocol], keys[0], priv[user.priv_protocol], keys[1]


def captive(intent: Intent, kind: GatewayKind) -> Captive | None:
    """The portal as an access point of this kind wires it; None where our own gateway does.

    Raises ValueRefused for the gateway of another vendor.
    """
    found = intent.captive
    if found is None or found.kind is GatewayKind.PLAZA:
        return None
    if found.kind is not kind:
        raise refuse(intent, f"the portal's gateway {found.kind.value} is not in this access point")
    return found


def portal(intent: Intent, wanted: Captive) -> SplitResult:
    """The parts of the portal's URL. Raises ValueRefused."""
    url = urlsplit(quotable(intent, "the portal's URL", wanted.portal_url))
    if url.scheme not in {"http", "https"} or not url.hostname or url.username:
        raise refuse(intent, f"{wanted.portal_url!r} is no URL of a portal")
    return url
