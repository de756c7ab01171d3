"""Type 7, which Cisco IOS calls encryption."""

import re
from typing import Final

_SALT: Final = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
"""The public constant of type 7 "encryption"."""


def encrypted(text: str) -> str:
    """Type 7 of a text."""
    octets = text.encode("latin-1", "replace")
    return "00" + "".join(f"{octet ^ _SALT[place % len(_SALT)]:02X}" for place, octet in enumerate(octets))


def decrypted(text: str) -> str:
    """The text of a type 7; empty when it is none."""
    if not re.fullmatch("[0-9]{2}(?:[0-9A-Fa-f]{2})+", text):
        return ""
    seed, octets = int(text[:2]), bytes.fromhex(text[2:])
    return "".join(chr(octet ^ _SALT[(seed + place) % len(_SALT)]) for place, octet in enumerate(octets))
