"""How addresses are spelt in the texts of agents."""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_PAIR: Final = rb"[0-9A-Fa-f]{1,2}"
MAC: Final = re.compile(
    rb"(?<![0-9A-Fa-f:.-])(?:(?:%b([:-]))(?:%b\1){4}%b|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12}"
    rb"|(?:%b ){5}%b)(?![0-9A-Fa-f:]|[.-][0-9A-Fa-f])" % ((_PAIR,) * 5)
)
V4: Final = re.compile(
    rb"(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)"
)
V6: Final = re.compile(rb"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{3,39}(?![\w:])")
_SEPARATORS: Final = re.compile(rb"[:. -]")


def is_text(value: bytes) -> bool:
    """Whether a person can read it; agents end texts with NUL octets, and addresses begin with them."""
    plain = value.rstrip(b"\0")
    return plain != b"" and decodes(plain) and all(octet >= 32 or octet in b"\t\r\n" for octet in plain)


def decodes(value: bytes) -> bool:
    """Whether it is UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def mac_of(text: bytes) -> bytes:
    """The six octets, however they are spelt."""
    parts = _SEPARATORS.split(text)
    width = 2 if len(parts) == 6 else len(text) // len(parts) if len(parts) == 3 else 12
    return bytes.fromhex(b"".join(part.rjust(width, b"0") for part in parts).decode())


def v6_of(text: bytes) -> bytes | None:
    """The sixteen octets; None when it is no address."""
    try:
        return IPv6Address(text.decode()).packed
    except (AddressValueError, ValueError):
        return None
