"""The configuration text of OpenWrt (UCI): sections of options, read and quoted."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.model import Secret
from drivers.redact import HIDDEN, is_secret, redact

Value = str | Secret
Option = Value | tuple[Value, ...]
"""One value, or the values of a list."""

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
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+|@[A-Za-z0-9_-]+\[[0-9]+\]")


class NotUci(ValueError):
    """The text is not UCI: the message names the line."""


@dataclass(frozen=True, slots=True)
class Section:
    """`name` is `@kind[n]` for an anonymous section, as `uci show` prints it."""

    package: str
    name: str
    kind: str
    options: Mapping[str, Option] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """package.name, the address of `uci set`."""
        return f"{self.package}.{self.name}"


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
    sections: dict[str, Section] = {}
    counts: dict[tuple[str, str], int] = {}
    package = ""
    options: dict[str, Option] = {}
    for line, words in _statements(text):
        if None in map(_NAME.fullmatch, _names(words)):
            raise NotUci(f"line {line}: a name holds what no name may")
        match words:
            case ["package", package]:
                options = {}
            case ["config", kind, *rest] if package and len(rest) <= 1:
                nth = counts.get((package, kind), 0)
                counts[package, kind] = nth + 1
                options = {}
                section = Section(package, rest[0] if rest else f"@{kind}[{nth}]", kind, options)
                sections[section.path] = section
            case ["option" | "list" as verb, name, value] if sections:
                _add(options, verb, name, value)
            case _:
                raise NotUci(f"line {line}: {words[0]!r} is no UCI statement")
    return Config(sections)


def _names(words: list[str]) -> list[str]:
    """The words that name something; what they address must not be able to say more than a name."""
    return words[1:3] if words[0] == "config" else words[1:2]


def _add(options: dict[str, Option], verb: str, name: str, word: str) -> None:
    value: Value = Secret(word) if is_secret(name) or name in _SECRETS else word
    before = options.get(name, ())
    if verb == "option":
        options[name] = value
    else:
        options[name] = (*(before if isinstance(before, tuple) else (before,)), value)


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
