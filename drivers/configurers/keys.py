"""Lines of authorized_keys as OpenSSH and dropbear read them: the key in one, and whose may not log in."""

import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from drivers.errors import ConfigRejected, ValueRefused

_BETWEEN: Final = re.compile(r"[ \t]+")


@lru_cache(maxsize=4096)
def blob(line: str) -> bytes:
    """The key itself (RFC 4253, section 6.6), whatever stands around it; empty where there is none."""
    text = line.strip(" \t\r\n")
    return b"" if text.startswith("#") else _key(text) or _key(_behind_options(text))


def revoked(device: str, lines: Iterable[str]) -> frozenset[bytes]:
    """The keys of `revoked_keys`. Raises ValueRefused for a line without one: it would revoke nobody."""
    found = tuple(map(blob, lines))
    if b"" in found:
        what = f"line {found.index(b'') + 1} of revoked_keys is no public key"
        raise ValueRefused(device, what, "write the line of a .pub file")
    return frozenset(found)


def without(lines: Iterable[str], gone: frozenset[bytes]) -> tuple[str, ...]:
    """Those lines that hold none of these keys."""
    return tuple(line for line in lines if not gone or blob(line) not in gone)


def stripped(text: str, gone: frozenset[bytes]) -> str:
    """The text without its lines that hold one of these keys."""
    return "\n".join(without(text.split("\n"), gone))


def refuse_own(device: str, *, own: bool) -> None:
    """Raises ConfigRejected where the key of this very login is among those that are to go."""
    if own:
        hint = "give Plaza another way in first: `plaza credentials rotate`"
        raise ConfigRejected(device, "the key that Plaza logs in with is revoked", hint)


def _key(text: str) -> bytes:
    """Of kind and base64; the key calls itself that kind. Letters that base64 lacks are skipped."""
    kind, *rest = _BETWEEN.split(text, maxsplit=2)
    if not rest:
        return b""
    try:
        found = binascii.a2b_base64(rest[0].encode("utf-8", "surrogateescape").replace(b"=", b"") + b"==")
    except binascii.Error:
        return b""
    named = found[4 : 4 + int.from_bytes(found[:4])]
    return found if named and named == kind.encode("utf-8", "surrogateescape") else b""


def _behind_options(text: str) -> str:
    """What follows the first space outside of quotes, in which only a quote is escaped (sshd(8))."""
    quoted, at = False, 0
    while at < len(text) and (quoted or text[at] not in " \t"):
        if text.startswith('\\"', at):
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        at += 1
    return text[at:].lstrip(" \t")
