"""How a value becomes part of a file of a Linux device, or is refused."""

import re
import string
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(rb"[A-Za-z0-9._/:=,@+-]")
_LETTERS: Final = frozenset(string.ascii_letters + string.digits + " ._-")
_WORD: Final = re.compile(r"[A-Za-z0-9!%&()*+,./:;<=>?@^_|~\[\]{}$# -]+")


def line(value: str) -> str:
    """The rest of a line, as hostapd reads one. Raises ValueError for what would end it or vanish."""
    for char in value:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"holds the control character U+{ord(char):04X}")
    return value


def word(value: str) -> str:
    """What stands between double quotes in a file of snmpd, rsyslog, systemd or CoovaChilli.

    Those disagree about escapes, so a value that needs one is refused with ValueError.
    """
    if not _WORD.fullmatch(value):
        raise ValueError("holds a quote, a backslash or something else than printable ASCII")
    return value


def ssid(value: str) -> str:
    r"""A network name as hostapd reads `ssid2`: P"…" with all but plain ASCII as \xNN.

    Raises ValueError for control characters, which no person can tell apart on the air.
    """
    raw = line(value).encode("utf-8")
    return 'P"' + "".join(chr(one) if chr(one) in _LETTERS else f"\\x{one:02x}" for one in raw) + '"'


def escaped(value: str) -> str:
    r"""One word for `printf %b` (POSIX): everything but plain ASCII as \0ooo, so that no shell sees it."""
    raw = value.encode("utf-8", "surrogateescape")
    return "".join(chr(octet) if _PLAIN.fullmatch(bytes((octet,))) else f"\\0{octet:03o}" for octet in raw)


def unescaped(text: str) -> str:
    """What `printf %b` prints of an escaped word."""
    found = re.sub(rb"\\0([0-7]{3})", lambda m: bytes((int(m[1], 8),)), text.encode("ascii"))
    return found.decode("utf-8", "surrogateescape")
