"""A vendor's command line: lines go out in chunks, and each answer is attributed to its line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.change import Line

CHUNK_OCTETS: Final = 2048
"""A terminal's input queue holds 4 KiB; half of it leaves room for what the device echoes late."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one vendor's command line behaves.

    `prompt` matches the whole last line, with or without the spaces at its end, when it waits for a command;
    `refusal` is found in a line of output that says the command before it was not taken; `pager` matches the
    whole last line that asks for a key before it goes on, answered with a space. `opening` are sent after
    login, their output dropped. `question` matches a whole last line that waits for an answer other than a
    command; nobody expects one, so it ends the talk as an UnexpectedReply.

    What is typed ahead must be echoed when it is read, behind its prompt; a command line that echoes at once
    needs `chunk_octets=1`, which is one line at a time. `width` is the columns of the terminal we say we are.
    """

    prompt: re.Pattern[str]
    refusal: re.Pattern[str]
    opening: tuple[str, ...] = ()
    pager: re.Pattern[str] | None = None
    question: re.Pattern[str] | None = None
    line_end: str = "\n"
    chunk_octets: int = CHUNK_OCTETS
    width: int = 511
    user_suffix: str = ""  # RouterOS takes options of the terminal behind the user's name


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said to one line; `refused` is its own sentence of refusal, or empty."""

    line: Line
    said: str
    refused: str


class Terminal(Protocol):
    """An open command line; closing it ends the channel, not the login."""

    def ask(self, command: str, timeout_s: float) -> str:
        """The output of one command, without echo and prompt, line ends as \\n.

        Raises Unreachable when the line is lost or time is up, UnexpectedReply for a question, endless output
        or a refusal (with the command in it, so never put a secret here).
        """
        ...

    def send(self, lines: Sequence[Line], timeout_s: float) -> tuple[Answer, ...]:
        """Send lines in chunks, waiting for the prompts of a chunk before the next one; an answer per line.

        It stops after the chunk in which a line was refused: the answers end there. Raises like `ask`, and
        never shows a line other than by its `shown`.
        """
        ...

    def key(self, octets: bytes) -> None:
        """Press keys without waiting, such as Ctrl-X."""
        ...
