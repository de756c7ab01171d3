"""The script language of RouterOS's console: text into commands (help.mikrotik.com, Scripting)."""

import re
from dataclasses import dataclass
from typing import Final

ESCAPES: Final = {
    "n": "\n", "r": "\r", "t": "\t", "_": " ", "a": "\a", "b": "\b", "f": "\f", "v": "\v",
    '"': '"', "\\": "\\", "$": "$", "?": "?",
}  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_HEX: Final = re.compile(r"[0-9A-F]{2}")
_SPACES: Final = " \t"
_ENDS: Final = ";\n\r]})"


class ScriptError(Exception):
    """What the console says instead of obeying."""


@dataclass(frozen=True)
class Text:
    """Literal text of a word; `quoted` says it was a string."""

    value: str
    quoted: bool = False


@dataclass(frozen=True)
class Variable:
    """`$name`."""

    name: str


@dataclass(frozen=True)
class Call:
    """`[…]`: what the commands give."""

    commands: tuple["Command", ...]


@dataclass(frozen=True)
class Joined:
    """`(… . …)`: an expression; operands and operators, each a word."""

    words: tuple["Word", ...]


@dataclass(frozen=True)
class Block:
    """`{…}`: commands for later."""

    commands: tuple["Command", ...]


Piece = Text | Variable | Call | Joined | Block


@dataclass(frozen=True)
class Word:
    """A word of a command and where it begins; columns count from 1."""

    pieces: tuple[Piece, ...]
    line: int
    column: int

    @property
    def bare(self) -> str:
        """Its text where it is nothing but unquoted text, else empty."""
        texts = [piece for piece in self.pieces if isinstance(piece, Text) and not piece.quoted]
        return "".join(text.value for text in texts) if len(texts) == len(self.pieces) else ""

    def parameter(self) -> tuple[str, "Word"] | None:
        """`name=…` as the name and the word behind it."""
        first = self.pieces[0] if self.pieces else Text("")
        if not isinstance(first, Text) or first.quoted or "=" not in first.value:
            return None
        name, _, rest = first.value.partition("=")
        behind = (Text(rest),) if rest else ()
        return name, Word((*behind, *self.pieces[1:]), self.line, self.column + len(name) + 1)


@dataclass(frozen=True)
class Command:
    """The words of one command."""

    words: tuple[Word, ...]


def parse(source: str) -> tuple[Command, ...]:
    """All commands of a script. Raises ScriptError, and then none of it is run."""
    reader = _Reader(source)
    found = reader.commands("")
    if reader.more():
        raise reader.error("syntax error")
    return found


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def more(self) -> bool:
        return self._at < len(self._source)

    def error(self, what: str) -> ScriptError:
        line, column = self._place(self._at)
        return ScriptError(f"{what} (line {line} column {column})")

    def commands(self, closing: str) -> tuple[Command, ...]:
        """Until the closing bracket, which is taken too; to the end where there is none."""
        found: list[Command] = []
        while True:
            self._skip(_SPACES + ";\n\r")
            if not self.more():
                if closing:
                    raise self.error(f"syntax error, expected {closing!r}")
                return tuple(found)
            if self._peek() == closing:
                self._at += 1
                return tuple(found)
            if self._peek() in "]})":
                raise self.error("syntax error")
            if self._peek() == "#":
                self._skip_line()
            else:
                found.append(Command(self._words()))

    def _words(self) -> tuple[Word, ...]:
        words: list[Word] = []
        self._skip(_SPACES)
        while self.more() and self._peek() not in _ENDS:
            words.append(self._word())
            self._skip(_SPACES)
        return tuple(words)

    def _word(self) -> Word:
        line, column = self._place(self._at)
        pieces: list[Piece] = []
        while self.more() and self._peek() not in _SPACES + _ENDS:
            pieces.extend(self._pieces())
        return Word(tuple(pieces), line, column)

    def _pieces(self) -> list[Piece]:
        match self._peek():
            case '"':
                return self._string()
            case "$":
                return [self._variable()]
            case "[":
                self._at += 1
                return [Call(self.commands("]"))]
            case "{":
                self._at += 1
                return [Block(self.commands("}"))]
            case "(":
                return [self._joined()]
            case "\\" | "`":
                raise self.error("syntax error")
        start = self._at
        while self.more() and self._peek() not in _SPACES + _ENDS + '"$[{(\\`':
            self._at += 1
        return [Text(self._source[start : self._at])]

    def _joined(self) -> Joined:
        self._at += 1
        words = []
        self._skip(_SPACES)
        while self.more() and self._peek() != ")":
            words.append(self._word())
            self._skip(_SPACES)
        if not self.more():
            raise self.error("syntax error, expected ')'")
        self._at += 1
        return Joined(tuple(words))

    def _variable(self) -> Piece:
        self._at += 1
        if self._source[self._at : self._at + 1] == "[":
            self._at += 1
            return Call(self.commands("]"))
        if self._source[self._at : self._at + 1] == "(":
            return self._joined()
        name = _NAME.match(self._source, self._at)
        if name is None:
            raise self.error("syntax error, expected variable name")
        self._at = name.end()
        return Variable(name.group())

    def _string(self) -> list[Piece]:
        """Octets that are escaped one by one may be one character together."""
        self._at += 1
        pieces: list[Piece] = []
        octets = bytearray()

        def end_text() -> None:
            pieces.append(Text(octets.decode("utf-8", "replace"), quoted=True))
            octets.clear()

        while self.more() and self._peek() != '"':
            if self._peek() == "\\":
                octets += self._escape()
            elif self._peek() == "$":
                end_text()
                pieces.append(self._variable())
            else:
                octets += self._peek().encode()
                self._at += 1
        if not self.more():
            raise self.error("syntax error, string is never closed")
        self._at += 1
        end_text()
        return pieces

    def _escape(self) -> bytes:
        code = _HEX.match(self._source, self._at + 1)
        if code is not None:
            self._at = code.end()
            return bytes.fromhex(code.group())
        char = self._source[self._at + 1 : self._at + 2]
        if char not in ESCAPES:
            raise self.error("syntax error, bad escape")
        self._at += 2
        return ESCAPES[char].encode()

    def _peek(self) -> str:
        return self._source[self._at]

    def _skip(self, chars: str) -> None:
        while self.more() and self._peek() in chars:
            self._at += 1

    def _skip_line(self) -> None:
        while self.more() and self._peek() not in "\r\n":
            self._at += 1

    def _place(self, at: int) -> tuple[int, int]:
        before = self._source[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
