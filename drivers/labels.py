"""Names that devices give, as tags: printable, short, and without a MAC address in them."""

import hashlib
import re
from typing import Final

from drivers.snmp.seam import Oid

MOST_SSID_OCTETS: Final = 32
_MOST_CHARACTERS: Final = 64
_MAC: Final = re.compile(
    r"(?i)(?<![0-9a-f])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f])|(?<![0-9a-z])[0-9a-f]{12}(?![0-9a-z])"
)


def printable(octets: bytes | str) -> str:
    """Text an agent sent, without what would break a line or a log."""
    text = octets if isinstance(octets, str) else octets.decode("utf-8", "replace")
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def name_tag(text: bytes | str) -> str:
    """A name as a tag; a MAC address in it becomes eight digits that stay the same."""
    return _MAC.sub(lambda found: pseudonym(found[0]), printable(text))[:_MOST_CHARACTERS].strip()


def index_tag(index: Oid) -> str:
    """What stands for the name of something that has none."""
    return pseudonym(".".join(map(str, index)))


def pseudonym(text: str) -> str:
    """Eight hexadecimal digits, however a MAC address is spelt."""
    plain = text.lower().replace(":", "").replace("-", "")
    return hashlib.blake2s(plain.encode(), digest_size=4).hexdigest()
