"""Numbers that look random and are functions of seed, name and time."""

import hashlib
import math
from functools import lru_cache


@lru_cache(maxsize=8192)
def draw(*parts: str | int) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def between(low: int, high: int, *parts: str | int) -> int:
    """A whole number from low to high, both included."""
    return low + int(draw(*parts) * (high - low + 1))


def wobble(now_s: float, period_s: float, *parts: str | int) -> float:
    """A smooth noise in [-1, 1]: drawn at each multiple of the period, straight lines between."""
    position = now_s / period_s
    left = math.floor(position)
    share = position - left
    return 2 * ((1 - share) * draw(*parts, left) + share * draw(*parts, left + 1)) - 1
