"""RouterOS's own text: values quoted for its console, and what `/export terse` prints read back.

Quoting and escapes: help.mikrotik.com, Scripting (Constant Escape Sequences). The export abbreviates a group
of properties: `channel.band=… .width=…` names channel.band and channel.width.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,:/@+=*%!<>&'")
_CONTINUED: Final = re.compile(r"\\\r?\n *")
_PIECE: Final = re.compile(
    r'"(?P<string>(?:\\.|[^"\\])*)"|\[(?P<group>(?:"(?:\\.|[^"\\])*"|[^\]"])*)\]|(?P<bare>[^\s"\[\]]+|\])'
    r"|(?P<space>\s+)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\([0-9A-F]{2}|.)", re.DOTALL)
_LETTERS: Final[Mapping[bytes, bytes]] = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"_": b" ", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v",
}  # fmt: skip
_VERBS: Final = frozenset({"add", "set"})


class NotRouterOs(ValueError):
    """The text is no export: the message names the line."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an export: what was added or set in a menu ("interface wifi").

    `where` are the conditions of `[ find … ]`, or {"": "telnet"} for one that is addressed by name or number.
    """

    menu: str
    verb: str
    where: Mapping[str, str] = field(repr=False)
    values: Mapping[str, str] = field(repr=False)  # may hold secrets

    def get(self, name: str, default: str = "") -> str:
        """A property's value."""
        return self.values.get(name, default)


def quote(value: str) -> str:
    """One string of the console, in ASCII. Raises ValueError for what no setting of ours may hold.

    All that means something to the console, to its help (`?`) or to a terminal is written in hexadecimal, and
    so is what is not ASCII, for a console of bytes.
    """
    for char in value:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"holds the control character U+{ord(char):04X}")
    return '"' + "".join(char if char in _PLAIN else _hexadecimal(char) for char in value) + '"'


def parse(text: str) -> tuple[Item, ...]:
    """What `/export terse` printed, in its order; comments are left out. Raises NotRouterOs."""
    items = []
    for number, line in enumerate(_CONTINUED.sub("", text).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            items.append(_item(number, line))
    return tuple(items)


def words(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a line, unquoted, and whether each is the inside of square brackets. Raises ValueError."""
    word: str | None = None
    position = 0
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            raise ValueError("a quote or bracket is never closed")
        position = match.end()
        if match["group"] is not None and word is None:
            yield match["group"], True
        elif match["space"] is None:
            word = (word or "") + _plain(match)
        elif word is not None:
            yield word, False
            word = None
    if word is not None:
        yield word, False


def _hexadecimal(char: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in char.encode())


def _plain(match: re.Match[str]) -> str:
    if match["string"] is None:
        return match.group()
    octets = match["string"].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescaped, octets).decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    return bytes.fromhex(escaped.decode()) if len(escaped) == 2 else _LETTERS.get(escaped, escaped)


def _item(number: int, line: str) -> Item:
    try:
        found = list(words(line))
    except ValueError as error:
        raise NotRouterOs(f"line {number}: {error}") from None
    at = next((place for place, (word, _) in enumerate(found) if word in _VERBS), 0)
    if not at or not line.startswith("/"):
        raise NotRouterOs(f"line {number} is no line of an export")
    menu = " ".join(word for word, _ in found[:at]).removeprefix("/")
    where: dict[str, str] = {}
    values: dict[str, str] = {}
    group = ""
    for word, bracketed in found[at + 1 :]:
        name, equals, value = word.partition("=")
        if bracketed:
            where |= dict(_conditions(word))
        elif not equals:
            where[""] = word
        else:
            group = name.rpartition(".")[0] if not name.startswith(".") else group
            values[group + name if name.startswith(".") else name] = value
    return Item(menu, found[at][0], where, values)


def _conditions(inside: str) -> Iterator[tuple[str, str]]:
    for word, _ in words(inside):
        name, equals, value = word.partition("=")
        if equals:
            yield name, value
