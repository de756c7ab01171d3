"""Time zones as a device without a zone database keeps them: POSIX TZ strings."""

import re
from functools import cache
from importlib import resources
from typing import Final

_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")


@cache
def posix(zone: str) -> str:
    """An IANA zone's rules of today, such as CST6 (the footer of its TZif file, RFC 8536, section 3.3).

    Raises ValueError for what is no zone.
    """
    if not _ZONE.fullmatch(zone):
        raise ValueError("is no IANA time zone")
    try:
        compiled = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    except OSError:
        raise ValueError("is no IANA time zone") from None
    footer = compiled.rpartition(b"\n")[0].rpartition(b"\n")[2].decode("ascii", "replace")
    if not compiled.startswith(b"TZif") or not footer:
        raise ValueError("is a time zone without rules for today")
    return footer
