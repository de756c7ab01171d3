"""A response policy zone: the names that are not answered, as lists of them are published (a zone file).

`name CNAME .` and `*.name CNAME .` block a name and what is below it; `CNAME rpz-passthru.` lets one through.
Triggers by address or by name server, and answers of the zone's own, are not for a resolver of phones: each
is a mistake that is told with its line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

from captive_portal.gateway.errors import ConfigError

LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME: Final = re.compile(rf"(?=.{{1,253}}$){LABEL}(?:\.{LABEL})*")
AT_MOST: Final = 100_000
"""Lines of a zone: 9 MB of dnsmasq, and 30 MB of ours while it is read."""

TOLD: Final = 5
"""Bad lines that one message names."""

TTL: Final = re.compile(r"(?:\d+[smhdw]?)+", re.IGNORECASE)
TOKEN: Final = re.compile(r'"[^"]*"?|[()]|[^\s()";]+')
DEPTH: Final = {"(": 1, ")": -1}
SILENT: Final = frozenset({"SOA", "NS"})
"""Records that every zone has, and that say nothing of a name."""

OTHER_TRIGGERS: Final = frozenset({"rpz-ip", "rpz-client-ip", "rpz-nsdname", "rpz-nsip"})


class Verdict(Enum):
    """What becomes of a name."""

    BLOCK = auto()
    PASS = auto()


TARGETS: Final = {
    ".": Verdict.BLOCK,
    "*.": Verdict.BLOCK,
    "rpz-drop.": Verdict.BLOCK,
    "rpz-passthru.": Verdict.PASS,
}


@dataclass(frozen=True, slots=True)
class Zone:
    """`exact` holds for a name alone, `below` for all below a name but not for itself."""

    exact: Mapping[str, Verdict] = field(default_factory=dict)
    below: Mapping[str, Verdict] = field(default_factory=dict)

    def under(self, name: str) -> Verdict:
        """What holds below a name: by the nearest `*.` of it or above it."""
        while name:
            if name in self.below:
                return self.below[name]
            name = name.partition(".")[2]
        return Verdict.PASS


@dataclass(frozen=True, slots=True)
class _Line:
    """A record with the number of its first line; `more`: it has no owner of its own."""

    number: int
    words: tuple[str, ...]
    more: bool


class _Bad(ValueError):
    """What is wrong with a line."""


def load(path: Path) -> Zone:
    """The zone in a file. Raises ConfigError with FILE:LINE of what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text in UTF-8") from error
    return read(text, str(path))


def read(text: str, name: str) -> Zone:
    """The zone in a text; `name` is how its file is called. Raises ConfigError."""
    reader, bad = _Reader(), []
    try:
        for line in _lines(text):
            try:
                reader.take(line)
            except _Bad as wrong:
                bad.append(f"{name}:{line.number}: {wrong}")
    except _Bad as wrong:  # what never ends
        bad.append(f"{name}:{wrong}")
    if bad:
        more = f"; and {len(bad) - TOLD} more" if len(bad) > TOLD else ""
        raise ConfigError("; ".join(bad[:TOLD]) + more)
    return Zone(reader.exact, reader.below)


class _Reader:
    """The verdicts so far, and what a line takes from those before it."""

    def __init__(self) -> None:
        self.exact: dict[str, Verdict] = {}
        self.below: dict[str, Verdict] = {}
        self._origin = ""
        self._owner = ""

    def take(self, line: _Line) -> None:
        """Raises _Bad."""
        first = line.words[0]
        if first.startswith("$"):
            self._direct(line.words)
            return
        if not line.more:
            self._owner = first.lower()
        if not self._owner:
            raise _Bad("a record without a name")
        kind, values = _record(line.words if line.more else line.words[1:])
        if kind == "SOA" and self._owner.endswith("."):
            self._origin = self._origin or self._owner
        if kind not in SILENT:
            self._judge(kind, values)

    def _direct(self, words: tuple[str, ...]) -> None:
        directive = words[0].upper()
        if directive == "$ORIGIN" and len(words) == 2 and words[1].endswith("."):
            self._origin = words[1].lower()
        elif directive != "$TTL":
            raise _Bad(f"{words[0][:20]!r} is not read: write the names themselves")

    def _judge(self, kind: str, values: tuple[str, ...]) -> None:
        if kind != "CNAME" or len(values) != 1 or values[0].lower() not in TARGETS:
            raise _Bad("write `NAME CNAME .` (or rpz-passthru.): other answers are not given")
        owner = self._relative()
        below = owner.startswith("*.")
        name = owner[2:] if below else owner
        if OTHER_TRIGGERS & set(name.split(".")):
            raise _Bad("triggers by address or name server are not known here")
        if not NAME.fullmatch(name):
            raise _Bad(f"{owner[:80]!r} is no name of a host (write others than ASCII as xn--)")
        if len(self.exact) + len(self.below) >= AT_MOST:
            raise _Bad(f"more than {AT_MOST} lines with names")
        (self.below if below else self.exact)[name] = TARGETS[values[0].lower()]

    def _relative(self) -> str:
        """The owner without the zone's own name."""
        if not self._owner.endswith("."):
            return self._owner
        if self._origin and self._owner.endswith("." + self._origin):
            return self._owner.removesuffix("." + self._origin)
        raise _Bad(f"{self._owner[:80]!r} is not in the zone: leave the dot at its end out")


def _record(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Type and values; a TTL and the class may stand before them in any order."""
    place = 0
    while place < len(words) and (words[place].upper() == "IN" or TTL.fullmatch(words[place])):
        place += 1
    if place == len(words):
        raise _Bad("a name without a record")
    return words[place].upper(), words[place + 1 :]


def _lines(text: str) -> Iterator[_Line]:
    """The records: comments are left out, what parentheses hold is one line. Raises _Bad."""
    depth, words, began, more = 0, list[str](), 0, False
    for number, raw in enumerate(text.split("\n"), 1):
        tokens = _tokens(raw)
        if not depth:
            words, began, more = [], number, raw[:1].isspace()
        for token in tokens:
            if token in DEPTH:
                depth += DEPTH[token]
            else:
                words.append(token)
        if depth < 0:
            raise _Bad(f"{number}: a parenthesis too many")
        if words and not depth:
            yield _Line(began, tuple(words), more)
    if depth:
        raise _Bad(f"{began}: a parenthesis that nothing ends")


def _tokens(raw: str) -> list[str]:
    """The words and parentheses of a line up to its comment."""
    found, place = [], 0
    while place < len(raw) and raw[place] != ";":
        match = TOKEN.match(raw, place)
        if match:
            found.append(match[0])
        place = match.end() if match else place + 1
    return found
