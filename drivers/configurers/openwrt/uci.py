"""The configuration text of OpenWrt (UCI): sections of options, read and quoted."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

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
_N: Final = r"[A-Za-z0-9_.-]{1,64}+"  # bounded, because names are kept
_V: Final = r"'[^']*+'(?:\\''[^']*+')*+"
_O: Final = rf"\t(?:option|list) {_N} {_V}\n"
_S: Final = rf"config {_N}(?: '(?:{_N}|@[A-Za-z0-9_-]++\[[0-9]++\])')?\n(?:{_O})*+\n*+"
# All that `uci export` writes of a package, as it writes it; the last group takes whatever is otherwise.
_EXPORTED: Final = re.compile(rf"package ([A-Za-z0-9_-]++)\n++((?:{_S})*+)|((?s:.+))")
# What is in it, once that is sure.
_SECTION: Final = re.compile(rf"config ({_N})(?: '([^']++)')?\n((?:\t[^']++{_V}\n)*+)")
_OPTION: Final = re.compile(rf"\t(option|list) ({_N}) ({_V})\n")
_VERB: Final = re.compile(r"[a-z]{1,10}")  # what else a line begins with may be a part of a secret
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+|@[A-Za-z0-9_-]+\[[0-9]+\]")


class NotUci(ValueError):
    """The text is not UCI: the message names the line."""


class Section:
    """`name` is `@kind[n]` for an anonymous section, as `uci show` prints it.

    The options may be given as `uci export` writes them: they are read once somebody asks for them.
    """

    __slots__ = ("_options", "_text", "kind", "name", "package")

    def __init__(self, package: str, name: str, kind: str, options: Mapping[str, Option] | str = "") -> None:
        self.package, self.name, self.kind = package, name, kind
        self._text = options if isinstance(options, str) else None
        self._options = None if isinstance(options, str) else options

    @property
    def options(self) -> Mapping[str, Option]:
        """In the order in which they stand. Values of secret options are Secret."""
        if self._options is None:
            self._options = _options(self._text or "")
        return self._options

    @property
    def path(self) -> str:
        """package.name, the address of `uci set`."""
        return f"{self.package}.{self.name}"

    def words(self, option: str) -> list[str]:
        """The words of an option, which may be a list."""
        value = self.options.get(option, ())
        return " ".join(map(str, value) if isinstance(value, tuple) else (str(value),)).split()

    def holding(self, options: Mapping[str, Option]) -> "Section":
        """The same with other options."""
        return Section(self.package, self.name, self.kind, options)

    def written_as(self, other: "Section") -> bool:
        """Whether both are read from the same text, so that nobody need read it."""
        return self._text is not None and self._text == other._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Section):
            return NotImplemented
        return (self.path, self.kind, self.options) == (other.path, other.kind, other.options)

    __hash__ = None  # type: ignore[assignment]


class Config:
    """The sections of some packages, in file order, by path.

    Packages may be given as `uci export` writes them: one is read once somebody asks for what is in it.
    """

    __slots__ = ("_packages", "_texts")

    def __init__(self, sections: Iterable[Section], texts: Mapping[str, str] = MappingProxyType({})) -> None:
        self._texts = texts
        self._packages: dict[str, dict[str, Section]] = {}
        for section in sections:
            self._packages.setdefault(section.package, {})[section.path] = section

    @property
    def packages(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys((*self._texts, *self._packages)))

    @property
    def sections(self) -> dict[str, Section]:
        """All there are."""
        return {path: one for name in self.packages for path, one in self.package(name).items()}

    def package(self, name: str) -> Mapping[str, Section]:
        """The sections of one package."""
        found = self._packages.get(name)
        if found is None:
            found = self._packages[name] = _sections(name, self._texts.get(name, ""))
        return found

    def section(self, path: str) -> Section | None:
        """The section of that path."""
        return self.package(path.partition(".")[0]).get(path)

    def of_kind(self, package: str, kind: str) -> tuple[Section, ...]:
        """All sections of one kind."""
        return tuple(s for s in self.package(package).values() if s.kind == kind)

    def having(self, section: Section) -> "Config":
        """The same, and this section in the place of its like."""
        return Config({**self.sections, section.path: section}.values())

    def beginning(self, prefix: str) -> Iterator[tuple[str, Section]]:
        """The sections whose name begins so, by path; a package in which that stands nowhere is not read."""
        for name in self.packages:
            if prefix in self._texts.get(name, prefix):
                yield from (item for item in self.package(name).items() if item[1].name.startswith(prefix))

    def has_as(self, package: str, other: "Config") -> bool:
        """Whether both have a package written the same."""
        return package in self._texts and self._texts[package] == other._texts.get(package)


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
    texts = _exported(text)
    return _read(text) if texts is None else Config((), texts)


def _exported(text: str) -> dict[str, str] | None:
    """The packages of text just as uci writes it, as they stand there; None for any other text.

    That it is UCI, and where a package ends, is found out at once; what is in it is left for later.
    """
    found = _EXPORTED.findall(text.lstrip("\n"))
    texts = {name: body for name, body, _ in found}
    return None if "" in texts or len(texts) < len(found) else texts


def _sections(package: str, text: str) -> dict[str, Section]:
    """Of a package as uci writes it, by path."""
    found: dict[str, Section] = {}
    counts: dict[str, int] = {}
    for kind, given, options in _SECTION.findall(text):
        nth = counts.get(kind, 0)
        counts[kind] = nth + 1
        name = given or f"@{kind}[{nth}]"
        found[f"{package}.{name}"] = Section(package, name, kind, options)
    return found


def _options(text: str) -> dict[str, Option]:
    """Of a section as uci writes it."""
    options: dict[str, Option] = {}
    if "\\" in text:
        for verb, name, quoted in _OPTION.findall(text):
            _take(options, verb, name, quoted[1:-1].replace("'\\''", "'"))
        return options
    pieces = text.split("'")  # every second one is a value
    names, values = [*map(_named, pieces[:-1:2])], pieces[1::2]
    if "" not in names:  # as in nearly every section
        return dict(zip(names, values, strict=True))
    for before, value in zip(pieces[:-1:2], values, strict=True):
        verb, name = before.split()
        _take(options, verb, name, value)
    return options


@lru_cache(maxsize=4096)
def _named(before: str) -> str:
    """The option whose value stands behind this, much the same on all devices; "" for secrets and lists."""
    verb, name = before.split()
    return "" if verb == "list" or _holds_secret(name) else name


def _take(options: dict[str, Option], verb: str, name: str, word: str) -> None:
    value = Secret(word) if _holds_secret(name) else word
    if verb == "option":
        options[name] = value
    else:
        before = options.get(name, ())
        options[name] = (*before, value) if isinstance(before, tuple) else (before, value)


def _read(text: str) -> Config:
    """Of any UCI text, word by word. Raises NotUci."""
    reading = _Reading()
    for line, words in _statements(text):
        if None in map(_NAME.fullmatch, _names(words)):
            raise NotUci(f"line {line}: a name holds what no name may")
        if len(words) not in {2, 3} or not reading.take(*words):
            verb = repr(words[0]) if _VERB.fullmatch(words[0]) else "it"
            raise NotUci(f"line {line}: {verb} is no UCI statement")
    return Config(reading.sections.values())


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
        elif verb in {"option", "list"}:
            _take(self.options, verb, name, word)
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
