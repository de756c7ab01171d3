"""A device's mark of the month: the same at all sites of a municipality, of no use once the month is over.

The key is in memory alone, here and on no disk; who counts makes a sketch of the marks and keeps none.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PURPOSE: Final = b"device of the month\0"
MARK_OCTETS: Final = 8
LOCAL: Final = 0x02
"""In a MAC's first octet: made up by the phone, not its maker's (IEEE 802)."""

MONTH: Final = re.compile(r"\d{4}-\d{2}")
_WRITTEN: Final = re.compile(r"(\d{4}-\d{2}):([0-9a-f]{16}):([01])")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a device is counted by in one month, YYYY-MM; `is_local`: its MAC was made up by itself."""

    month: str
    value: str = field(repr=False)
    is_local: bool

    def written(self) -> str:
        """As an arrival carries it."""
        return f"{self.month}:{self.value}:{int(self.is_local)}"


@dataclass(frozen=True, slots=True)
class MonthKey:
    """A municipality's key of a month, which is over at `ends_at` (UTC, s)."""

    month: str
    key: bytes = field(repr=False)
    ends_at: int

    def mark(self, mac: str) -> Mark:
        """The mark of a MAC, which is lower case with colons."""
        return Mark(self.month, value_of(self.key, mac), is_local(mac))


def value_of(key: bytes, mac: str) -> str:
    """16 hex digits that only the holder of the key can make."""
    return hmac.digest(key, PURPOSE + mac.encode(), "sha256")[:MARK_OCTETS].hex()


def is_local(mac: str) -> bool:
    """Whether a MAC is locally administered: phones make one up for each network."""
    return bool(int(mac[:2], 16) & LOCAL)


def read(text: str) -> Mark | None:
    """The mark in an arrival; None where there is none, or one that nobody here understands."""
    found = _WRITTEN.fullmatch(text)
    return None if found is None else Mark(found[1], found[2], found[3] == "1")


class Marker:
    """Makes the marks at a gateway, once the controller has told the key. One per gateway; for any thread.

    `utc_s` tells the controller's time: a key is forgotten when its month is over.
    """

    def __init__(self, utc_s: Callable[[], float] = lambda: 0.0) -> None:
        self._utc_s = utc_s
        self._key: MonthKey | None = None

    @property
    def month(self) -> str:
        """The month whose key is here, "" when none is."""
        found = self._current()
        return found.month if found else ""

    def adopt(self, key: MonthKey) -> None:
        """Make marks under this key from now on."""
        self._key = key

    def mark(self, mac: str) -> str:
        """The mark of a MAC as an arrival carries it, "" while there is no key."""
        found = self._current()
        return found.mark(mac).written() if found else ""

    def _current(self) -> MonthKey | None:
        found = self._key
        if found is not None and self._utc_s() >= found.ends_at:
            self._key = None
            return None
        return found
