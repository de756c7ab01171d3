"""RouterOS's command line over SSH: single commands through `exec`, and a terminal with safe mode.

Console login options behind the user's name (wiki.mikrotik.com, Console login process): no colours, no
questions to the terminal, a wide one.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from drivers.configurers.seam import Talk
from drivers.errors import ConfigRejected, UnexpectedReply
from drivers.model import Secret
from drivers.redact import redact
from drivers.terminal import Style, Terminal

if TYPE_CHECKING:
    from drivers.change import Line

USER_SUFFIX: Final = "+ct511w4098h"
_NO_REFUSAL: Final = (  # an echoed line of the log, what Ctrl-X says, a prompt
    r"(?:\w{3}/\d\d|\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d|\(\d+ messages? |\[Safe Mode |\[[^@\s]+@[^\r\n]*> ?$)"
)
_PROMPT: Final = re.compile(r"\[[^@\s]+@[^\r\n]*\] ?[\w/ -]*(?:>|<SAFE>) ?")

STYLE: Final = Style(
    prompt=_PROMPT,
    # A command that changes something says nothing; only the log may be echoed in between.
    refusal=re.compile(rf"^\s*(?!{_NO_REFUSAL})\S"),
    question=re.compile(r"Hijacking Safe Mode .*|.*\[[a-zA-Z](?:/[a-zA-Z])+\]:? ?|.*[Pp]assword: ?"),
    line_end="\r",
    chunk_octets=1,
    user_suffix=USER_SUFFIX,
)

_SAFE_MODE: Final = b"\x18"  # Ctrl-X takes it, and again gives it back with all changes kept


def ask(talk: Talk, command: str) -> str:
    """What one command prints, line ends as \\n. A refusal is an answer too. Raises Unreachable."""
    said = talk.session.ask(command, talk.timeout_s).stdout
    return said.replace("\r\n", "\n").replace("\r", "\n")


def do(talk: Talk, command: str, *, said: str = "") -> None:
    """One command that changes something and prints `said` (a pattern) or nothing.

    Raises ConfigRejected with the device's own sentence.
    """
    heard = ask(talk, command).strip()
    if not re.fullmatch(said, heard, re.DOTALL):
        first = redact(heard).partition("\n")[0][:200]
        raise ConfigRejected(talk.device, f"it refused a command of the trial: {first or 'it said nothing'}")


@contextmanager
def safe_mode(talk: Talk) -> Iterator[Terminal]:
    """A terminal in safe mode; the device undoes what is sent unless `release` is called before the end.

    Raises ConfigRejected when somebody else is in safe mode: what he loses would take our change along.
    """
    with talk.session.terminal(STYLE, talk.timeout_s) as terminal:
        _toggle(talk, terminal)
        yield terminal


def release(talk: Talk, terminal: Terminal) -> None:
    """Leave safe mode and keep what was changed in it."""
    _toggle(talk, terminal)


def probe_safe_mode(talk: Talk) -> None:
    """Raises ConfigRejected when somebody else is in safe mode."""
    with safe_mode(talk) as terminal:
        release(talk, terminal)


def send(talk: Talk, terminal: Terminal, lines: Sequence["Line"], secrets: Sequence[Secret]) -> None:
    """Send lines one by one. Raises ConfigRejected naming the first that was refused."""
    for line in lines:
        for answer in terminal.send((line,), talk.timeout_s):
            if answer.refused:
                what = f"it refused {line.shown!r}: {redact(answer.refused, secrets)[:200]}"
                raise ConfigRejected(talk.device, what, "nothing of the change stays")


def _toggle(talk: Talk, terminal: Terminal) -> None:
    terminal.key(_SAFE_MODE)
    try:
        # Only Enter may be typed before it answers: `u` or `r` would unroll or keep another's changes.
        terminal.ask("", talk.timeout_s)
    except UnexpectedReply as reply:
        if "safe mode" not in f"{reply.reason} {reply.raw}".lower():
            raise
        what = "somebody is in safe mode there, and what he loses would take this change along"
        raise ConfigRejected(talk.device, what, "wait until he is done, then try again") from reply
