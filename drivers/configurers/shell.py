"""One act at a device that has a POSIX shell: a script of functions, and the call of one as its last line."""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from drivers.configurers.seam import Talk
from drivers.errors import DriverError, UnexpectedReply
from drivers.model import Secret
from drivers.redact import redact

if TYPE_CHECKING:
    from drivers.ssh import Output

PLATFORMS: Final = Path(__file__).parents[1] / "platforms"
_FUNCTION: Final = re.compile(r"^(\w+)\(\) \{(?:.*\}|.*\n(?s:.*?)^\})\n", re.MULTILINE)
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_NAME: Final = re.compile(r"\w+")

Refusals = Mapping[int, tuple[type[DriverError], str, str, bool]]
"""By exit status: the error, its reason, its hint, and whether the device's own last words are added."""


@dataclass(frozen=True, slots=True)
class Program:
    """A file of shell functions below drivers/platforms, and what its exit statuses mean."""

    file: str
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class Call:
    """One function of a program, as the last line of what is sent.

    `values` become variables, each of `texts` a function NAME_text that prints it, beside NAME_SHA256.
    No error holds one of `secrets`.
    """

    function: str
    values: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()


def act(talk: Talk, program: Program, call: Call) -> str:
    """Run one function at the device; what it printed.

    Raises what the program's `refusals` say of the exit status, UnexpectedReply for any other but 0, and
    Unreachable.
    """
    output = talk.session.run(compose(program.file, call), talk.timeout_s)
    if output.status != 0:
        _raise(talk.device, output, program.refusals, call.secrets)
    return output.stdout


def compose(script: str, call: Call) -> str:
    """The call is the last line, so that a script cut off on its way does nothing."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in call.values.items()]
    for name, text in call.texts.items():
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        lines.append(f"{name.upper()}_SHA256={digest}")
        lines.append(f"{name}_text() {{ cat <<'END_{digest}'\n{text}END_{digest}\n}}")
    return "\n".join([*lines, _needed(script, call.function), call.function, ""])


@cache
def _needed(name: str, last: str) -> str:
    """What stands in no function of a script, and those functions that its last line leads to."""
    whole = file(name)
    bodies = {found[1]: found[0] for found in _FUNCTION.finditer(whole)}
    wanted, waiting = set[str](), set(_NAME.findall(last)) & bodies.keys()
    while waiting:
        wanted |= waiting
        named = {word for each in waiting for word in _NAME.findall(_COMMENT.sub("", bodies[each]))}
        waiting = (named & bodies.keys()) - wanted
    outside = _COMMENT.sub("", _FUNCTION.sub("", whole))
    lines = [line for line in outside.splitlines(keepends=True) if line.strip()]
    return "".join([*lines, *(body for each, body in bodies.items() if each in wanted)])


@cache
def file(name: str) -> str:
    """The text of a file below drivers/platforms."""
    return (PLATFORMS / name).read_text(encoding="utf-8")


def _raise(device: str, output: "Output", refusals: Refusals, secrets: Sequence[Secret]) -> NoReturn:
    heard = redact(output.stderr[:2000], secrets)
    said = (heard.strip().splitlines() or [""])[-1][:200]
    if output.status not in refusals:
        what = f"a script ended with {output.status}"
        raise UnexpectedReply(device, f"{what}: {said}" if said else what, heard)
    kind, reason, hint, adds_words = refusals[output.status]
    detail = f"{reason}: {said}" if said and adds_words else reason
    if issubclass(kind, UnexpectedReply):
        raise kind(device, detail, heard, hint)
    raise kind(device, detail, hint)
