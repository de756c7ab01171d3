"""airOS's system.cfg: lines of key=value without any quoting, read, edited and compared."""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from drivers.change import Change, Line
from drivers.model import Secret
from drivers.redact import HIDDEN, is_secret, visible, without_userinfo

Values = Mapping[str, str]
Wanted = Mapping[str, str | None]
"""Values by key; None for a key that is not to be there."""

_KEY: Final = re.compile(r"[A-Za-z0-9_.-]+")
_SECRET_KEYS: Final = frozenset({"unms.uri"})  # holds the key of the management server

# airOS writes shell scripts from these values; how it quotes them there, nobody outside its vendor knows.
_QUOTES: Final = frozenset("\"'`$\\")


class NotCfg(ValueError):
    """The text is no system.cfg: the message names the line."""


def value(text: str) -> str:
    """The text as it stands behind `=`. Raises ValueError for what airOS may read otherwise."""
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"holds the control character U+{ord(char):04X}")
        if char in _QUOTES:
            raise ValueError(f"holds a {char}, which airOS may take for its shell's")
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def parse(text: str) -> Values:
    """Values by key; of a key that comes twice the last. Raises NotCfg."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, behind = line.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise NotCfg(f"line {number} is no key=value")
        found[key] = behind
    return found


def edited(text: str, wanted: Wanted) -> str:
    """The text with each key of `wanted` as wished, in its old place or at the end; as the script does it."""
    left = {key: wish for key, wish in wanted.items() if wish is not None}
    lines = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        key = line.partition("=")[0]
        if key not in wanted:
            lines.append(line)
        elif key in left:
            lines.append(f"{key}={left.pop(key)}")
    lines += (f"{key}={wish}" for key, wish in left.items())
    return "".join(f"{line}\n" for line in lines)


def diff(device: str, text: str, wanted: Wanted) -> Change:
    """From a text to wanted values; what is as wished already is not in it."""
    running = parse(text)
    changed = {key: wish for key, wish in wanted.items() if running.get(key) != wish}
    lines = tuple(_line(key, wish) for key, wish in changed.items())
    secrets = tuple(Secret(wish) for key, wish in changed.items() if wish and secret(key))
    return Change(device, lines, _text(device, text, edited(text, changed)) if lines else "", secrets)


def redacted(text: str) -> str:
    """The text without the values of secret keys."""
    return "".join(_hidden(f"{line}\n") for line in text.removesuffix("\n").split("\n"))


def secret(key: str) -> bool:
    """Whether a key holds a secret, by the last part of its name that is no number."""
    named = [part for part in key.split(".") if not part.isdecimal()]
    return key in _SECRET_KEYS or bool(named and is_secret(named[-1]))


def _line(key: str, wish: str | None) -> Line:
    """One line of the script's batch: key=value, or -key."""
    if wish is None:
        return Line(Secret(f"-{key}"), f"-{key}", key)
    return Line(Secret(f"{key}={value(wish)}"), _hidden(f"{key}={wish}"), key)


def _text(device: str, before: str, after: str) -> str:
    names = f"{device}/system.cfg", f"{device}/system.cfg (wanted)"
    lines = difflib.unified_diff(_lines(before), _lines(after), *names, n=0)
    return "".join(_hidden(line) for line in lines)


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")]


def _hidden(line: str) -> str:
    """A line of the file or of a difference, without the value of a secret key."""
    key, equals, _ = line.partition("=")
    end = "\n" if line.endswith("\n") else ""
    return f"{key}={HIDDEN}{end}" if equals and secret(key.lstrip("+- ")) else visible(without_userinfo(line))
