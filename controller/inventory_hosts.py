"""How inventory.yaml writes what is elsewhere in the network: hosts, web addresses and public SSH keys."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, StrictStr

from controller.inventory_values import as_address, fault, printable, shown

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# RFC 1123; a last label of digits alone would be an address with a mistake (RFC 3696).
_HOST_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}")
_URL: Final = re.compile(r"[A-Za-z0-9._~:/?\[\]!$&'()*+,;=%-]{1,255}")  # RFC 3986, without # and @

_KEY_FIELDS: Final[Mapping[str, int]] = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
"""The types of public key, and how many strings (RFC 4251, section 5) one consists of, its type included."""


def _is_host_name(text: str) -> bool:
    return len(text) <= 253 and _HOST_NAME.fullmatch(text) is not None


def _host(text: str) -> str:
    found = as_address(text) or text.lower()
    if as_address(found) or _is_host_name(found):
        return found
    mend = "write an address like 10.8.0.5 or a name like ntp.example.mx, without a port"
    raise fault(f"{shown(text)} is no host", mend)


def _host_pattern(text: str) -> str:
    name = text.lower()
    if "." not in name.removeprefix("*.") or not _is_host_name(name.removeprefix("*.")):
        mend = "write it like www.example.mx, or *.example.mx for every name below it"
        raise fault(f"{shown(text)} is no host name", mend)
    return name


def _portal_url(text: str) -> str:
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https") and url.port != 0 and _host(url.hostname or "")
    except ValueError:
        sound = False
    if not sound or not _URL.fullmatch(text):
        raise fault("is no web address of a portal", "write it like https://wifi.example.mx/")
    return text


def _ssh_key(text: str) -> str:
    """One line of authorized_keys. What is written is never repeated: it might be a private key."""
    kind, _, rest = printable(text.strip(" \r\n")).partition(" ")
    encoded, _, comment = rest.strip(" ").partition(" ")
    if kind not in _KEY_FIELDS:
        mend = "write the line of a .pub file, beginning with its type, like ssh-ed25519, and no options"
        raise fault("does not begin with a type of public SSH key", mend)
    fields = _strings(encoded)
    if len(fields) != _KEY_FIELDS[kind] or fields[0] != kind.encode():
        raise fault(f"is no whole {kind} key", "copy the line of the .pub file again")
    return " ".join((kind, encoded, comment.strip(" "))).rstrip(" ")


def _strings(encoded: str) -> tuple[bytes, ...]:
    """The strings that a public key consists of; none when it is not whole."""
    try:
        rest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return ()
    found = []
    while len(rest) >= 4:
        end = 4 + int.from_bytes(rest[:4])
        if end > len(rest):
            break
        found.append(rest[4:end])
        rest = rest[end:]
    return () if rest else tuple(found)


def _each_once(listed: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(listed)) < len(listed):
        raise fault("names something twice", "write each entry once")
    return listed


def _each_key_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    _each_once(tuple(line.split(" ")[1] for line in lines))
    return lines


Host = Annotated[StrictStr, AfterValidator(_host)]
Hosts = Annotated[tuple[Host, ...], AfterValidator(_each_once)]
HostPatterns = Annotated[
    tuple[Annotated[StrictStr, AfterValidator(_host_pattern)], ...], AfterValidator(_each_once)
]
PortalUrl = Annotated[StrictStr, AfterValidator(_portal_url)]
SshKeys = Annotated[
    tuple[Annotated[StrictStr, AfterValidator(_ssh_key)], ...], AfterValidator(_each_key_once)
]
CredentialNames = Annotated[tuple[StrictStr, ...], AfterValidator(_each_once)]
