"""Configurations that are sections of lines: their words, and what in them is ours."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.redact import HIDDEN

Words = tuple[str, ...]
Settings = Mapping[Words, Mapping[Words, tuple[Words, ...]]]
"""By the head of a section (empty for what is outside any), by key: the lines with that key, in order."""

EXIT: Final = "exit"
TOP: Final[Words] = ()
_WORD: Final = re.compile(r'"([^"]*)"|(\S+)')
_BARE: Final = re.compile(r"[A-Za-z0-9_.:/@%+=,*$-]+")
_NEVER: Final = frozenset('"?\\')


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting of a section: the words its lines begin with, and `more` words that belong to its key.

    `many` lines may hold it, and their order counts. `secrets` are the places of secret words in a line.
    """

    first: Words
    more: int = 0
    many: bool = False
    secrets: tuple[int, ...] = ()

    def key(self, line: Words) -> Words:
        """The key of a line that begins so."""
        return line[: len(self.first) + self.more]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of section by the words its heads begin with, and the settings in it that we write.

    Of a `named` kind only those sections are touched that are ours; else there is one, and it is shared.
    """

    first: Words
    rules: tuple[Rule, ...]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """What of a platform's configuration is ours.

    `kinds` are in the order in which sections are removed: what refers before what it refers to. `ours` says
    of a head or of a key outside sections whether it is ours entirely. Lines of `defaults` say nothing.
    """

    kinds: tuple[Kind, ...]
    top: tuple[Rule, ...]
    ours: Callable[[Words], bool]
    defaults: frozenset[Words] = frozenset()

    def kind(self, head: Words) -> Kind | None:
        """The kind of a section; None when we know nothing of it."""
        return next((kind for kind in self.kinds if head[: len(kind.first)] == kind.first), None)

    def rule(self, head: Words, line: Words) -> Rule | None:
        """The rule of a line in a section, with or without its `no`; None when the line is not ours."""
        kind = self.kind(head)
        rules = self.top if head == TOP else kind.rules if kind else ()
        line = positive(line)
        return next((rule for rule in rules if line[: len(rule.first)] == rule.first), None)

    def entirely(self, head: Words) -> bool:
        """Whether a section is ours with all that is in it."""
        kind = self.kind(head)
        return kind is not None and kind.named and self.ours(head)


def words(line: str) -> Words:
    """The words of a line; what stands between double quotes is one."""
    return tuple(found[2] if found[1] is None else found[1] for found in _WORD.finditer(line))


def quote(text: str) -> str:
    """One word of a line. Raises ValueError for what cannot be typed as one, without the text in it.

    Neither vendor documents how a quote, a backslash or a question mark is typed inside a word.
    """
    if any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in text):
        raise ValueError("holds a control character")
    if not _NEVER.isdisjoint(text):
        raise ValueError('holds one of " ? \\, which this command line cannot take')
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text if _BARE.fullmatch(text) else f'"{text}"'


def spelled(line: Words) -> str:
    """A line as it is typed. Raises ValueError."""
    return " ".join(map(quote, line))


def parse(text: str, grammar: Grammar) -> dict[Words, list[Words]]:
    """All sections by head, with their lines; what is outside any is below the empty head."""
    found: dict[Words, list[Words]] = {TOP: []}
    head = TOP
    for raw in text.split("\n"):
        line = words(raw)
        if not line or line[0].startswith("!") or line == (EXIT,):
            continue
        if raw[0].isspace():
            if head == TOP and found[TOP]:
                head = found[TOP].pop()
            found.setdefault(head, []).append(line)
        elif grammar.kind(line):
            head = line
            found.setdefault(head, [])
        else:
            head = TOP
            found[TOP].append(line)
    return found


def settings(grammar: Grammar, sections: Mapping[Words, Sequence[Words]]) -> Settings:
    """What of a configuration we may write."""
    found: dict[Words, dict[Words, tuple[Words, ...]]] = {}
    for head, lines in sections.items():
        kind = grammar.kind(head)
        if head != TOP and (kind is None or (kind.named and not grammar.ours(head))):
            continue
        section = found.setdefault(head, {})
        for line in lines:
            rule = grammar.rule(head, line)
            if rule and line not in grammar.defaults:
                key = rule.key(positive(line))
                section[key] = (*section.get(key, ()), line) if rule.many else (line,)
    return found


def hidden(grammar: Grammar, text: str) -> str:
    """A configuration without the values we know to be secret; indented as it was."""
    shown: list[str] = []
    head = TOP
    for raw in text.split("\n"):
        line = words(raw)
        if raw and not raw[0].isspace():
            head = line if grammar.kind(line) else TOP
        rule = grammar.rule(head if raw[:1].isspace() else TOP, line) if line else None
        if rule and rule.secrets:
            indent = raw[: len(raw) - len(raw.lstrip())]
            shown.append(indent + " ".join(masked(line, rule.secrets, HIDDEN)))
        else:
            shown.append(raw)
    return "\n".join(shown)


def masked(line: Words, places: tuple[int, ...], cover: str) -> Words:
    """A line with some of its words covered; with all behind the first of them in a line that is longer."""
    if places and len(line) > max(places) + 1:
        places = tuple(range(min(places), len(line)))
    return tuple(cover if place in places else word for place, word in enumerate(line))


def positive(line: Words) -> Words:
    """A line without its `no`."""
    return line[1:] if line[:1] == ("no",) else line
