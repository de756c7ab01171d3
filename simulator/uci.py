"""Reads the UCI files of a virtual AP as its radios would."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+""", re.DOTALL)
_PIECE: Final = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^\s'"\\]+)""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """One `config` section; an anonymous one has an empty name. Lists are not kept: no radio needs one."""

    kind: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    def on(self) -> bool:
        """Not switched off by `option disabled '1'`."""
        return self.options.get("disabled", "0") not in {"1", "on", "true", "yes", "enabled"}


def parse(text: str) -> tuple[Section, ...]:
    """The sections of a UCI file in their order; a line that is none of UCI's is passed over."""
    sections: list[Section] = []
    for words in _statements(text):
        if words[0] == "config" and len(words) >= 2:
            sections.append(Section(words[1], words[2] if len(words) > 2 else ""))
        elif words[0] == "option" and len(words) >= 3 and sections:
            sections[-1].options[words[1]] = words[2]
    return tuple(sections)


def _statements(text: str) -> Iterator[list[str]]:
    """The words of each line; a quoted value may hold line ends."""
    words: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        word = None if char in " \t\n#" else _WORD.match(text, position)
        if char == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif word:
            words.append(_plain(word.group()))
            position = word.end()
        else:
            if char == "\n" and words:
                yield words
                words = []
            position += 1
    if words:
        yield words


def _plain(word: str) -> str:
    pieces = []
    for single, double, escaped, bare in _PIECE.findall(word):
        pieces.append(single or re.sub(r"\\(.)", r"\1", double, flags=re.DOTALL) or escaped or bare)
    return "".join(pieces)
