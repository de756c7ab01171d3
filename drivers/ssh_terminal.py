"""A terminal over one SSH channel: types, listens as octets arrive, gives up in time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import paramiko

from drivers import hearing
from drivers.change import Line
from drivers.errors import UnexpectedReply, Unreachable, ValueRefused
from drivers.hearing import Hearing
from drivers.model import Secret
from drivers.redact import visible
from drivers.ssh_channel import drop_unsent, unbroken
from drivers.terminal import Answer, Style

MAX_OUTPUT: Final = 4 * 1024 * 1024
_ROWS: Final = 1000


class SshTerminal:
    """A Terminal; see there. How long each answer took goes into `answers_s`."""

    def __init__(self, device: str, channel: paramiko.Channel, style: Style, answers_s: list[float]) -> None:
        self._device = device
        self._channel = channel
        self._style = style
        self._answers_s = answers_s

    def open(self, timeout_s: float) -> None:
        """Ask for the terminal, wait for its first prompt and send the opening. Raises like `ask`."""
        until = time.monotonic() + timeout_s
        with self._bounded(f"it showed no prompt within {timeout_s:g} s"):
            self._channel.get_pty("vt100", self._style.width, _ROWS)
            self._channel.invoke_shell()
            self._hear(Hearing(self._style), until)
            opening = [Line(Secret(command), command, "") for command in self._style.opening]
            for chunk in hearing.chunks(opening, self._style):
                self._say([line.command.reveal() for line in chunk], until, chunk)

    def ask(self, command: str, timeout_s: float) -> str:
        with self._bounded(f"{command!r} did not end within {timeout_s:g} s"):
            said = self._say((command,), time.monotonic() + timeout_s)[0]
        no = hearing.refused(self._style, said)
        if no:
            raise UnexpectedReply(self._device, f"it refused {command!r}: {visible(no)}", said)
        return said

    def send(self, lines: Sequence[Line], timeout_s: float) -> tuple[Answer, ...]:
        until = time.monotonic() + timeout_s
        found: list[Answer] = []
        for chunk in hearing.chunks(lines, self._style):
            with self._bounded(f"{chunk[0].shown!r} did not end within {timeout_s:g} s"):
                said = self._say([line.command.reveal() for line in chunk], until, chunk)
            found += hearing.answers(self._style, chunk, said)
            if any(answer.refused for answer in found):
                break
        return tuple(found)

    def key(self, octets: bytes) -> None:
        with self._bounded("it took no key"):
            self._channel.sendall(octets)

    @contextmanager
    def _bounded(self, late: str) -> Iterator[None]:
        try:
            with unbroken(self._device, late):
                yield
        except Unreachable:
            drop_unsent(self._channel)
            raise

    def _say(self, commands: Sequence[str], until: float, shown: Sequence[Line] = ()) -> tuple[str, ...]:
        for place, command in enumerate(commands):
            if hearing.controls(command):
                name = shown[place].shown if shown else command
                raise ValueRefused(self._device, f"a control character in {visible(name)!r}")
        heard = Hearing(self._style, commands)
        started = time.monotonic()
        typed = "".join(command + self._style.line_end for command in commands)
        self._channel.settimeout(_left(until))
        self._channel.sendall(typed.encode("utf-8", "surrogateescape"))
        self._hear(heard, until)
        self._answers_s.append(time.monotonic() - started)
        return heard.said

    def _hear(self, heard: Hearing, until: float) -> None:
        size = 0
        while not heard.done or self._channel.recv_ready():
            self._channel.settimeout(_left(until))
            octets = self._channel.recv(65536)
            if not octets:
                raise Unreachable(self._device, "it closed the terminal")
            size += len(octets)
            if size > MAX_OUTPUT:
                raise UnexpectedReply(self._device, f"it printed more than {MAX_OUTPUT} octets")
            keys = heard.feed(octets)
            if keys:
                self._channel.sendall(keys)
            if heard.question:
                raise UnexpectedReply(self._device, f"it asks {visible(heard.question)!r}")


def _left(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
