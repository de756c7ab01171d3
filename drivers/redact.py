"""Takes secrets out of text before anybody stores, logs or prints it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from drivers.model import Secret

HIDDEN: Final = "•••"
_NAMES: Final = (
    r"(?:key[0-9]*|\w*(?:passw(?:or)?d|passphrase|secret|psk|community|token|pincode)\w*"
    r"|(?!\w*public)\w*(?:(?:_|api|auth|fas|priv|private|preshared|shared|update|wep)key|pwd"
    r"|(?<![a-z])(?:pass|pin|otp))[0-9]*|\w*_key_p(?:ass|wd)\w*)"
)
_SECRET_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_WORD: Final = re.compile(r"\b(\w+)(?:[^\S\n]*[=:][^\S\n]*|[^\S\n]+)(?=\S)")
_VALUE: Final = re.compile(r"""'(?:[^']|'\\'')*'|"(?:\\.|[^"\\])*"|\S+""")
# Of net-snmp's and hostapd's own files: secrets stand anywhere behind these words.
_BEHIND: Final = re.compile(
    r"\b(createUser|usmUser|com2sec6?|trap2?sink|informsink|trapsess|authcommunity|r[01]kh|radius_das_client"
    r"|proxy(?=\s+-))([^\S\n]*=[^\S\n]*|[^\S\n]+)[^\n]+"
)
_USERINFO: Final = re.compile(  # RFC 3986, section 3.2.1; what stands there and is no port is a password
    r"(\w://[^\s/@:'\"\[]*:)(?!\d*(?:[/?#\s'\"]|$))[^\s/'\"]+"
)
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@lru_cache(maxsize=4096)
def is_secret(option: str) -> bool:
    """Whether an option of that name holds a secret."""
    return _SECRET_NAME.fullmatch(option) is not None


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """The text without the values of secret-looking options and without each of `secrets`, safe to show."""
    for value in sorted((secret.reveal() for secret in secrets), key=len, reverse=True):
        if value:
            text = text.replace(value, HIDDEN)
    text = _BEHIND.sub(rf"\1\2{HIDDEN}", without_userinfo(text))
    return visible(_without_values(text))


def without_userinfo(text: str) -> str:
    """The text without the passwords that stand in URLs."""
    return _USERINFO.sub(rf"\1{HIDDEN}", text) if "://" in text else text


def _without_values(text: str) -> str:
    """Without what stands behind the names of secrets."""
    shown: list[str] = []
    end = 0
    for word in _WORD.finditer(text):
        if word.start() >= end and is_secret(word[1]) and (value := _VALUE.match(text, word.end())):
            shown += text[end : word.end()], HIDDEN
            end = value.end()
    return "".join((*shown, text[end:]))


def visible(text: str) -> str:
    """The text with everything that could steer a terminal written as \\x1b and the like."""
    if text.isascii() and text.isprintable():  # as nearly every line is
        return text
    return _UNSEEN.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), text)
