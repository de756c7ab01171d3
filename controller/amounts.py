"""How a person writes an amount of data."""

import re
from typing import Final

MOST: Final = 10**15
_UNITS: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_AMOUNT: Final = re.compile(r"([0-9]{1,12})([kKMG]B)?")


def octets_of(text: str) -> int | None:
    """The octets of `500MB`, `2GB` or `1000`, units of ten; None for anything else, and for over 10^15."""
    found = _AMOUNT.fullmatch(text)
    octets = int(found[1]) * _UNITS[(found[2] or "").upper()] if found else MOST + 1
    return octets if octets <= MOST else None
