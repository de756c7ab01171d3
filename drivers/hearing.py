"""Tells apart what a terminal says: octets in, the output of each command out; pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from drivers.change import Line
from drivers.model import Secret
from drivers.redact import HIDDEN, redact
from drivers.terminal import Answer, Style

_ROOM_FOR_PROMPT: Final = 100
_LONGEST_LAST_LINE: Final = 4096
_QUOTES: Final = "\"'"
_SHORT: Final = 3
"""Characters of a hidden word that may be part of other words: only where it stands alone it is covered."""

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f]")
_TOKEN: Final = re.compile(
    r"\x1b\[(?P<what>[0-?]*)[ -/]*(?P<how>[@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]"
    r"|(?P<move>[\r\b])|(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)"
)
"""An escape sequence (ECMA-48), a move of the cursor, or text; what is none of these is not seen."""


def controls(command: str) -> bool:
    """Whether a command holds what would press a key on a terminal; such a one is never sent."""
    return _CONTROLS.search(command) is not None


def chunks(lines: Sequence[Line], style: Style) -> Iterator[tuple[Line, ...]]:
    """Lines that are typed at once: as many as fit the style; one that fills the screen goes alone."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        command = line.command.reveal()
        octets = len((command + style.line_end).encode("utf-8", "surrogateescape"))
        if chunk and (size + octets > style.chunk_octets or _scrolls(command, style)):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += octets + (style.chunk_octets if _scrolls(command, style) else 0)
    if chunk:
        yield tuple(chunk)


def answers(style: Style, lines: Sequence[Line], said: Sequence[str]) -> tuple[Answer, ...]:
    """What was said to each line, without what of it `shown` does not show: as a whole and word by word."""
    return tuple(_answer(style, line, text) for line, text in zip(lines, said, strict=True))


def refused(style: Style, said: str) -> str:
    """The device's own sentence of refusal in its output, or empty."""
    return next((line.strip() for line in said.split("\n") if style.refusal.search(line)), "")


def rendered(octets: bytes) -> str:
    """One line as a person sees it: escape sequences gone, carriage returns and backspaces obeyed.

    Octets that are not UTF-8 are kept as surrogates.
    """
    text = octets.decode("utf-8", "surrogateescape").rstrip("\r")
    if not _CONTROLS.search(text):
        return text
    shown: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        if token["text"]:
            shown[at : at + len(token["text"])] = token["text"]
            at += len(token["text"])
        elif token["move"]:
            at = max(0, at - 1) if token["move"] == "\b" else 0
        elif token["how"] == "K":
            shown[at:] = []
            shown[:at] = " " * at if token["what"] == "2" else shown[:at]
    return "".join(shown).rstrip(" ")


class Hearing:
    """What a terminal says after some commands were typed at once, told apart by command.

    Feed it what arrives. It is `done` when each command was echoed behind a prompt and the last line is a
    prompt again; no commands: when there is a prompt. `question` is the last line that asks something else.
    """

    def __init__(self, style: Style, commands: Sequence[str] = ()) -> None:
        self._style = style
        self._echoes = tuple(_CONTROLS.sub("", command).rstrip() for command in commands)
        self._scrolls = any(_scrolls(command, style) for command in commands)
        self._said: list[list[str]] = [[] for _ in commands]
        self._at = -1
        self._last = b""
        self.done = False
        self.question = ""

    @property
    def said(self) -> tuple[str, ...]:
        """The output so far of each command, line ends as \\n."""
        return tuple("\n".join(lines) for lines in self._said)

    @property
    def waits_for(self) -> int:
        """How many commands were echoed: the place of the one whose echo is awaited."""
        return self._at + 1

    def feed(self, octets: bytes) -> bytes:
        """Take what arrived; returns the keys to press now."""
        *lines, self._last = (self._last + octets).split(b"\n")
        for line in lines:
            self._take(rendered(line))
        return self._look() if len(self._last) <= _LONGEST_LAST_LINE else b""

    def _take(self, line: str) -> None:
        following = self._at + 1
        if following < len(self._echoes) and self._echoed(line, self._echoes[following]):
            self._at = following
        elif self._at >= 0 and not self._echoed_again(line):
            self._said[self._at].append(line)

    def _look(self) -> bytes:
        last = rendered(self._last)
        self.done = self._at == len(self._echoes) - 1 and self._is_prompt(last)
        if self.done:
            return b""
        if self._style.pager and self._style.pager.fullmatch(last.strip()):
            self._last = b""
            return b" "
        if self._style.question and self._style.question.fullmatch(last) and not self._echoing(last):
            self.question = last
        return b""

    def _echoed(self, line: str, echo: str) -> bool:
        if self._scrolls:
            return True
        line = line.rstrip()
        before = line.removesuffix(echo)
        return before + echo == line and (self._is_prompt(before) or (self._at < 0 and not before))

    def _echoed_again(self, line: str) -> bool:
        """Some redraw the whole line, prompt too, when it is entered."""
        new = self._scrolls or self._said[self._at] or not line
        return not new and self._echoed(line, self._echoes[self._at])

    def _echoing(self, last: str) -> bool:
        """Whether the last line may be an echo that has not arrived whole."""
        if self._at + 1 == len(self._echoes):
            return False
        echo = self._echoes[self._at + 1]
        return self._scrolls or any(
            last.endswith(echo[:end]) and (end == len(last) or self._is_prompt(last[: len(last) - end]))
            for end in range(min(len(echo), len(last)) + 1)
        )

    def _is_prompt(self, text: str) -> bool:
        prompt = self._style.prompt
        return bool(text) and bool(prompt.fullmatch(text) or prompt.fullmatch(text.rstrip()))


def _scrolls(command: str, style: Style) -> bool:
    """Whether a command may be too long to be echoed as it is."""
    return len(command) + _ROOM_FOR_PROMPT > style.width


def _answer(style: Style, line: Line, said: str) -> Answer:
    command = line.command.reveal()
    words = _words(command) - _words(line.shown)
    secrets = [Secret(word) for word in words if len(word) > _SHORT] + _unshown(command, line.shown)
    brief = {re.escape(word) for word in words if len(word) <= _SHORT}
    alone = re.compile(rf"(?<!\w)(?:{'|'.join(brief)})(?!\w)" if brief else r"(?!)")
    no = alone.sub(HIDDEN, redact(refused(style, said), secrets))
    return Answer(line, redact(said, secrets), no)


def _words(text: str) -> set[str]:
    return {word.strip(_QUOTES) for word in text.split()} - {""}


def _unshown(command: str, shown: str) -> list[Secret]:
    """The span of a command between what it begins and ends with as shown, with and without its quotes."""
    begin = _alike(command, shown)
    end = _alike(command[begin:][::-1], shown[begin:][::-1])
    span = command[begin : len(command) - end]
    return [Secret(one) for one in (span, span.strip(_QUOTES)) if len(one) > _SHORT]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
