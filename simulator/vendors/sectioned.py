"""What the command lines of Instant and cnPilot have in common: words, and sections of lines."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Words = tuple[str, ...]
TOP: Final = ""


class Unreadable(Exception):
    """A line that is no command; says what is wrong."""


def split(line: str) -> Words:
    """The words of a typed line: blanks part them, except between double quotes."""
    found: list[str] = []
    at = 0
    while at < len(line):
        if line[at] == " ":
            at += 1
        elif line[at] == '"':
            end = line.find('"', at + 1)
            if end < 0:
                raise Unreadable("unbalanced quote")
            found.append(line[at + 1 : end])
            at = end + 1
        else:
            end = min(
                (place for place in (line.find(" ", at), line.find('"', at)) if place >= 0), default=len(line)
            )
            found.append(line[at:end])
            at = end
    return tuple(found)


def join(words: Words) -> str:
    """As such devices print words: quoted where they are empty or hold a blank or a quote's neighbour."""
    return " ".join(word if word and word.replace(" ", "") == word else f'"{word}"' for word in words)


@dataclass(frozen=True)
class Command:
    """A setting: how many words may follow its first ones, how many of those make one of several,
    which of its words are secret, whether its `no` is a line of its own.
    """

    least: int = 0
    most: int = 0
    several: int = 0
    secrets: tuple[int, ...] = ()
    kept: bool = False


Commands = Mapping[str, Command]


def command(commands: Commands, words: Words) -> tuple[Words, Command]:
    """The first words of a line and its command. Raises Unreadable."""
    for size in (3, 2, 1):
        name = " ".join(words[:size])
        if len(words) >= size and name in commands:
            return words[:size], commands[name]
    raise Unreadable("unknown command")


@dataclass
class Tree:
    """Lines by the head of their section; TOP holds what is outside any."""

    sections: dict[str, list[Words]] = field(default_factory=lambda: {TOP: []})

    def copy(self) -> "Tree":
        """Another with the same lines."""
        return copy.deepcopy(self)

    def set(self, commands: Commands, head: str, words: Words) -> None:
        """Obey a checked line inside a section."""
        negated = words[0] == "no"
        given = words[1:] if negated else words
        first, known = command(commands, given)
        key = given[: len(first) + known.several]
        lines = self.sections[head]
        lines[:] = [line for line in lines if _bare(line)[: len(key)] != key]
        if known.kept or not negated:
            lines.append(words)

    def text(self) -> str:
        """As it is kept on flash."""
        return "\n".join(self.lines()) + "\n"

    def lines(self) -> Iterator[str]:
        """Section by section, the lines of one indented by a blank."""
        yield from map(join, self.sections[TOP])
        for head, lines in self.sections.items():
            if head != TOP:
                yield head
                yield from (f" {join(line)}" for line in lines)

    def has(self, line: str) -> bool:
        """Whether some section holds this line, as it is printed."""
        return any(join(words) == line for lines in self.sections.values() for words in lines)

    @classmethod
    def read(cls, text: str, heads: tuple[str, ...]) -> "Tree":
        """From what `text` made; `heads` are the first words of heads."""
        found = cls()
        head = TOP
        for line in text.split("\n"):
            if line.startswith(" "):
                found.sections[head].append(split(line))
            elif any(f"{line} ".startswith(f"{one} ") for one in heads):
                head = line
                found.sections.setdefault(head, [])
            elif line:
                found.sections[TOP].append(split(line))
        return found


def check(commands: Commands, words: Words) -> None:
    """Raises Unreadable for a line that these commands do not take."""
    negated = words[0] == "no"
    given = words[1:] if negated else words
    first, known = command(commands, given)
    more = len(given) - len(first)
    if more > known.most or (not negated and more < known.least):
        raise Unreadable("wrong number of words")


def _bare(line: Words) -> Words:
    return line[1:] if line[:1] == ("no",) else line
