"""Voucher codes: made, printed in groups, read forgivingly, and known only by a keyed hash."""

import hashlib
import hmac
import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Douglas Crockford's base 32: of letters and digits that look alike only one is in it."""

SYMBOLS: Final = 11
"""Of five bits each: a code has 55."""

GROUP: Final = 4
MAX_TYPED: Final = 64
_READ_AS: Final = str.maketrans("OILU", "011V", " \t\r\n-._‐‑–—\N{NO-BREAK SPACE}")


def make() -> str:
    """A new code, normalised, from the system's source of randomness."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SYMBOLS))


def printed(code: str) -> str:
    """A normalised code as people read it: XXXX-XXXX-XXX."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def normalised(typed: str) -> str:
    """The code somebody typed, whatever its case, spaces, hyphens and look-alikes; "" when it is none."""
    if len(typed) > MAX_TYPED:
        return ""
    code = typed.upper().translate(_READ_AS)
    return code if len(code) == SYMBOLS and set(code) <= set(ALPHABET) else ""


def hashed(key: bytes, code: str) -> str:
    """What is stored of a normalised code: HMAC-SHA256 under its municipality's key, in hex."""
    return hmac.digest(key, b"code\0" + code.encode(), hashlib.sha256).hex()


def pseudonym(key: bytes, code: str, device: str) -> str:
    """A device at its voucher, 32 hex digits: only who has key and code can make it."""
    mine = hmac.digest(key, b"use\0" + code.encode(), hashlib.sha256)
    return hmac.digest(mine, device.encode(), hashlib.sha256).hex()[:32]
