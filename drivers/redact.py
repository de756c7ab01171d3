"""Takes secrets out of text before anybody stores, logs or prints it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from drivers.model import Secret

HIDDEN: Final = "•••"
_NAMES: Final = (
    r"(?:key[0-9]*|\w*(?:passw(?:or)?d|passphrase|secret|psk|community|token|pincode|faskey"
    r"|private_key|preshared_key)\w*)"
)
_SECRET_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    rf"\b({_NAMES})(\s*[=:]\s*|\s+)('(?:[^']|'\\'')*'|\"(?:\\.|[^\"\\])*\"|\S+)", re.IGNORECASE
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
    return visible(_ASSIGNED.sub(rf"\1\2{HIDDEN}", text))


def visible(text: str) -> str:
    """The text with everything that could steer a terminal written as \\x1b and the like."""
    return _UNSEEN.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), text)
