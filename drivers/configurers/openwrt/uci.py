"""The configuration text of OpenWrt (UCI): sections of options, read and quoted."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from drivers.model import Secret
from drivers.redact import HIDDEN, is_secret, redact

Value = str | Secret
Option = Value | tuple[Value, ...]
"""One value, or the values of a list."""

_Words = Sequence[str]

_PIECE: Final = re.compile(
    r"""'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|\\(?P<escaped>.)|(?P<bare>[^\s'"\\]+)"""
    r"""|(?P<space>[^\S\n]+)|(?P<end>\n)""",
    re.DOTALL,
)
_SECRETS: Final = frozenset({"faskey"})  # beside those that sound like one
_SECRET_OPTION: Final = re.compile(rf"\b({'|'.join(_SECRETS)})(\s+|=)('(?:[^']|'\\'')*'|\S+)")
_COMMENT: Final = re.compile(r"#[^\n]*")
_LINE: Final = re.compile(
    r"[ \t]*(package|config|option|list)[ \t]+([A-Za-z0-9_.-]+)(?:[ \t]+'([^'\n]*)')?[ \t]*\n"
)
_BETWEEN: Final = re.compile(  # bounded, because what matches is kept
    r"""\n{1,3}(?P<whole>(?:(?:package|config)[ ][A-Za-z0-9_.-]{1,64}\n{1,3}){0,4})"""
    r"""(?:(?P<begun>(?:config|\t(?:option|list))[ ][A-Za-z0-9_.-]{1,64})[ ])?"""
)
_VERB: Final = re.compile(r"[a-z]{1,10}")  # what else a line begins with may be a part of a secret
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+|@[A-Za-z0-9_-]+\[[0-9]+\]")


class NotUci(ValueError):
    """The text is not UCI: the message names the line."""


class _NotExported(Exception):
    """Text that `uci export` would have written otherwise."""


class Section(NamedTuple):
    """`name` is `@kind[n]` for an anonymous section, as `uci show` prints it."""

    package: str
    name: str
    kind: str
    options: Mapping[str, Option] = MappingProxyType({})

    @property
    def path(self) -> str:
        """package.name, the address of `uci set`."""
        return f"{self.package}.{self.name}"

    def words(self, option: str) -> list[str]:
        """The words of an option, which may be a list."""
        value = self.options.get(option, ())
        return " ".join(map(str, value) if isinstance(value, tuple) else (str(value),)).split()


@dataclass(frozen=True, slots=True)
class Config:
    """The sections of some packages in file order, by path."""

    sections: Mapping[str, Section]

    def of_kind(self, package: str, kind: str) -> tuple[Section, ...]:
        """All sections of one kind."""
        return tuple(s for s in self.sections.values() if s.package == package and s.kind == kind)


def quote(value: str) -> str:
    """One shell-like word as uci writes it. Raises ValueError for what no setting of ours may hold."""
    for char in "" if value.isascii() and value.isprintable() else value:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"holds the control character U+{ord(char):04X}")
    return "'" + value.replace("'", "'\\''") + "'"


def hidden(text: str) -> str:
    """What uci printed without the values of secret options."""
    return redact(_SECRET_OPTION.sub(rf"\1\2{HIDDEN}", text))


def parse(text: str) -> Config:
    """What `uci export` printed. Values of secret options come back as Secret. Raises NotUci."""
    with suppress(_NotExported):
        return _exported(text)
    return _read(text)


def _exported(text: str) -> Config:
    """Of text just as uci writes it, where all that stands between two quotes is a value.

    A fifth of the cost of reading word by word. Raises _NotExported for any other text.
    """
    pieces = f"\n{text}".split("'")
    if len(pieces) % 2 == 0:
        raise _NotExported
    reading = _Reading()
    options = reading.options
    for (option, whole, begun), value in zip(map(_between, pieces[:-1:2]), pieces[1::2], strict=True):
        if option and reading.sections:  # nearly every value
            options[option] = value
            continue
        if not begun or (begun[0] == "config" and _NAME.fullmatch(value) is None):
            raise _NotExported
        for words in (*whole, (*begun, value)):
            if not reading.take(*words):
                raise _NotExported
        options = reading.options
    _, whole, begun = _between(pieces[-1])
    if begun or not all(reading.take(*words) for words in whole):
        raise _NotExported
    return Config(reading.sections)


@lru_cache(maxsize=4096)
def _between(text: str) -> tuple[str, tuple[_Words, ...], _Words]:
    """What stands between two values, which is much the same on all devices.

    The option that the next value is of when all else is empty and it is no secret, or ""; statements that
    are whole; the words of the one that lacks its value. Raises _NotExported, and keeps no such text.
    """
    match = _BETWEEN.fullmatch(text)
    if match is None:
        raise _NotExported
    whole = tuple(tuple(line.split()) for line in match["whole"].split("\n") if line)
    begun = tuple((match["begun"] or "").split())
    plain = not whole and begun[:1] == ("option",) and not _holds_secret(begun[1])
    return begun[1] if plain else "", whole, begun


def _read(text: str) -> Config:
    """Of any UCI text, word by word. Raises NotUci."""
    reading = _Reading()
    for line, words in _statements(text):
        if None in map(_NAME.fullmatch, _names(words)):
            raise NotUci(f"line {line}: a name holds what no name may")
        if len(words) not in {2, 3} or not reading.take(*words):
            verb = repr(words[0]) if _VERB.fullmatch(words[0]) else "it"
            raise NotUci(f"line {line}: {verb} is no UCI statement")
    return Config(reading.sections)


def _names(words: _Words) -> _Words:
    """The words that name something; what they address must not be able to say more than a name."""
    return words[1:3] if words[0] == "config" else words[1:2]


@dataclass(slots=True)
class _Reading:
    """The sections so far; `options` are those of the last one."""

    sections: dict[str, Section] = field(default_factory=dict)
    options: dict[str, Option] = field(default_factory=dict)
    package: str = ""
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, verb: str, name: str, word: str | None = None) -> bool:
        """Whether these words, whose names are such, are a statement here."""
        if verb == "config" and self.package:
            self._begin(name, word)
        elif verb == "package" and word is None:
            self.package, self.options = name, {}
        elif word is None or not self.sections:
            return False
        elif verb == "option":
            self.options[name] = _value(name, word)
        elif verb == "list":
            before = self.options.get(name, ())
            known = before if isinstance(before, tuple) else (before,)
            self.options[name] = (*known, _value(name, word))
        else:
            return False
        return True

    def _begin(self, kind: str, name: str | None) -> None:
        package, key = self.package, (self.package, kind)
        nth = self.counts.get(key, 0)
        self.counts[key] = nth + 1
        name = f"@{kind}[{nth}]" if name is None else name
        self.options = {}
        self.sections[f"{package}.{name}"] = Section(package, name, kind, self.options)


def _value(name: str, word: str) -> Value:
    return Secret(word) if _holds_secret(name) else word


def _holds_secret(option: str) -> bool:
    return is_secret(option) or option in _SECRETS


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each statement with the number of its last line; a quoted value may hold line ends."""
    position, line = 0, 1
    while position < len(text):
        plain = _LINE.match(text, position)
        if plain is not None:  # nearly every line, at a third of the cost
            yield line, [word for word in plain.groups() if word is not None]
            position, line = plain.end(), line + 1
            continue
        words, end = _statement(text, position)
        line += text.count("\n", position, end)
        if words:
            yield line - text.endswith("\n", position, end), words
        position = end


def _statement(text: str, position: int) -> tuple[list[str], int]:
    """The words up to the end of a line that is in no quotes, and where the next begins. Raises NotUci."""
    words: list[str] = []
    word: str | None = None
    while position < len(text):
        piece = _piece(text, position, inside=word is not None)
        position = piece.end()
        if piece.re is _COMMENT:
            continue
        if piece["space"] is None and piece["end"] is None:
            word = (word or "") + _plain(piece)
            continue
        words, word = (words, None) if word is None else ([*words, word], None)
        if piece["end"]:
            break
    return words if word is None else [*words, word], position


def _piece(text: str, position: int, *, inside: bool) -> re.Match[str]:
    """A piece of a word, what is between words, or a comment, which begins inside of none. Raises NotUci."""
    match = None if inside else _COMMENT.match(text, position)
    match = match or _PIECE.match(text, position)
    if match is None:
        line = text.count("\n", 0, position) + 1
        raise NotUci(f"line {line}: a quote is never closed")
    return match


def _plain(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r"\\(.)", r"\1", match["double"], flags=re.DOTALL)
    return next(match[name] for name in ("single", "escaped", "bare") if match[name] is not None)
