"""A change at a device that has no timer: applied and not saved, so that its power switch is the way back.

How far a change of ours is, the device itself remembers in its configuration: a marker that names the token.

    staged    its lines are being typed and nothing works yet; found by another login, nobody types on
    trial     it works and is not saved: a reboot brings the old configuration, with the old marker
    keeping   it was decided to stay, and may be saved already
    kept      it is saved

Each is applied before the next act, and `kept` only after a save. So whichever act a cut or a power failure
hits, the marker says what is true: after a reboot inside `trial` there is no marker of this token, after one
inside `keeping` either none or `keeping`, whose confirmation is then done again. No device needs to show us
what it has saved, and none of the two vendors documents a way to put the saved configuration to work but a
reboot: what others applied without saving it is lost with ours when a change is reverted, and saved with ours
when it is confirmed. Nor is a way known to ask whether there is any.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from drivers.change import Change, Line
from drivers.configurers.seam import Phase, Running, Talk, Trial
from drivers.errors import ConfigRejected, UnexpectedReply, Unreachable, VerifyFailed
from drivers.model import Secret
from drivers.redact import redact, visible
from drivers.terminal import Style, Terminal

_TRY_LATER: Final = "wait until its controller has ended it, or switch the device off and on"

_MOST_QUESTIONS: Final = 4


class Mark(StrEnum):
    """How far a change of ours is."""

    STAGED = "staged"
    TRIAL = "trial"
    KEEPING = "keeping"
    KEPT = "kept"


_PHASES: Final = MappingProxyType(
    {Mark.STAGED: Phase.REVERTING, Mark.TRIAL: Phase.OPEN, Mark.KEEPING: Phase.CONFIRMING}
)


@dataclass(frozen=True, slots=True)
class Marker:
    """What the device remembers of our last change; `note` is the platform's own."""

    mark: Mark
    token: str
    note: str = ""

    @property
    def open(self) -> bool:
        """Whether that change has not come to its end."""
        return self.mark is not Mark.KEPT


class Board(Protocol):
    """What differs between such devices. Each act may raise DriverError."""

    @property
    def style(self) -> Style:
        """Its command line."""
        ...

    def configuration(self, talk: Talk, terminal: Terminal) -> str:
        """The whole configuration, with secrets as the device shows them."""
        ...

    def tag(self, token: str) -> str:
        """The token as this device's marker has it."""
        ...

    def marker(self, text: str) -> Marker | None:
        """The marker in a configuration."""
        ...

    def fixed(self, text: str) -> str:
        """The configuration without the marker and what changes by itself."""
        ...

    def marking(self, text: str, marker: Marker) -> tuple[Line, ...]:
        """The commands that write a marker over the one in `text`."""
        ...

    def stage(self, talk: Talk, terminal: Terminal, change: Change, marker: Marker) -> None:
        """Make a change work without saving it. Raises ConfigRejected for a line that is refused."""
        ...

    def commit(
        self, talk: Talk, terminal: Terminal, lines: Sequence[Line], secrets: Sequence[Secret] = ()
    ) -> None:
        """Make lines that fit together work without saving them. Raises ConfigRejected without `secrets`."""
        ...

    def save(self, talk: Talk, terminal: Terminal) -> None:
        """Save what works. Raises VerifyFailed when it cannot."""
        ...

    def staged_by_others(self, talk: Talk, terminal: Terminal) -> str:
        """What somebody else typed and did not apply; "" for nothing. What a lost login of ours left there
        is dropped."""
        ...


def read(talk: Talk, board: Board) -> Running:
    """The configuration the device runs."""
    terminal = talk.session.console(board.style, talk.timeout_s)
    return running(board, board.configuration(talk, terminal))


def running(board: Board, text: str) -> Running:
    """A configuration with its fingerprint."""
    return Running(Secret(text), hashlib.sha256(board.fixed(text).encode("utf-8", "replace")).hexdigest())


def arm(talk: Talk, board: Board, fingerprint: str) -> None:
    """Check that nothing is in the way; the device itself cannot be armed."""
    terminal = talk.session.console(board.style, talk.timeout_s)
    staged = board.staged_by_others(talk, terminal)
    if staged:
        first = visible(staged.split("\n")[0].strip())
        what = f"somebody typed changes there and did not apply them: {first}"
        raise ConfigRejected(talk.device, what, "apply or drop them there")
    text = board.configuration(talk, terminal)
    marker = board.marker(text)
    if marker is not None and marker.open:
        raise ConfigRejected(talk.device, "another change is open", _TRY_LATER)
    if running(board, text).fingerprint != fingerprint:
        raise ConfigRejected(talk.device, "its configuration changed since the plan was made", "plan again")


def apply(talk: Talk, board: Board, change: Change, token: str) -> None:
    """Make the change work, marked as a trial."""
    terminal = talk.session.console(board.style, talk.timeout_s)
    board.stage(talk, terminal, change, Marker(Mark.TRIAL, token))


def status(talk: Talk, board: Board, token: str) -> Trial:
    """What the marker says. What a lost login left half typed will never work: it waits for `revert`."""
    marker = board.marker(read(talk, board).text.reveal())
    if marker is None:
        return Trial(Phase.NONE, "", reloaded=False, ending="")
    known = token if marker.token == board.tag(token) else marker.token
    if marker.mark is Mark.KEPT:
        return Trial(Phase.NONE, known, reloaded=False, ending="confirmed" if known == token else "")
    return Trial(_PHASES[marker.mark], known, reloaded=marker.mark is not Mark.STAGED, ending="")


def confirm(talk: Talk, board: Board, token: str) -> None:
    """Save, with the marker telling before and after. Raises VerifyFailed when it reverted or cannot save."""
    terminal = talk.session.console(board.style, talk.timeout_s)
    text = board.configuration(talk, terminal)
    marker = board.marker(text)
    if marker is None or marker.token != board.tag(token) or marker.mark is Mark.STAGED:
        raise VerifyFailed(talk.device, "it has no open trial of ours", "it was switched off and on")
    for mark in (Mark.KEEPING, Mark.KEPT) if marker.open else ():
        board.commit(talk, terminal, board.marking(text, Marker(mark, token, marker.note)))
        board.save(talk, terminal)
        text = board.configuration(talk, terminal)


def revert(talk: Talk, board: Board, token: str, reboot: Callable[[Talk, Terminal], None]) -> None:
    """Drop what is staged of ours; where the marker shows a trial or half of one, reboot to what is saved."""
    terminal = talk.session.console(board.style, talk.timeout_s)
    board.staged_by_others(talk, terminal)
    marker = board.marker(board.configuration(talk, terminal))
    if marker is not None and marker.token == board.tag(token) and marker.open:
        reboot(talk, terminal)


def reboot(command: str) -> Callable[[Talk, Terminal], None]:
    """Restart without saving, whatever the device asks before; its end is told by the next login."""

    def act(talk: Talk, terminal: Terminal) -> None:
        typed = command
        for _ in range(_MOST_QUESTIONS):
            try:
                terminal.ask(typed, talk.timeout_s)
            except UnexpectedReply as asks:
                if asks.raw:
                    raise
                typed = "n" if "save" in asks.reason.lower() else "y"
            except Unreachable:
                return

    return act


def sent(talk: Talk, terminal: Terminal, lines: Sequence[Line], secrets: Sequence[Secret] = ()) -> None:
    """Type lines, each within the timeout. Raises ConfigRejected for the first refused, without `secrets`."""
    for line in lines:
        for answer in terminal.send((line,), talk.timeout_s):
            if answer.refused:
                what = f"it refused the line {line.shown!r}: {redact(answer.refused, secrets)}"
                raise ConfigRejected(talk.device, what, "nothing of this change was saved")


def plain(command: str, path: str = "") -> Line:
    """A line without secrets."""
    return Line(Secret(command), command, path)


def without_blank(text: str) -> str:
    """A configuration without empty lines and spaces at the ends of lines."""
    return re.sub(r"\n+", "\n", re.sub(r"[ \t\r]+$", "", text, flags=re.M)).strip("\n") + "\n"
