"""The acts of a guarded change at a Linux device: read, arm, apply, ask, confirm; each is one script."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.change import Change
from drivers.configurers import guarded, shell, told
from drivers.configurers.linux import owned, state
from drivers.configurers.linux.diff import hidden
from drivers.configurers.seam import Running, Talk, Trial
from drivers.configurers.shell import Call, Program, Refusals
from drivers.errors import ConfigRejected, UnexpectedReply, VerifyFailed
from drivers.facts import Facts
from drivers.model import Secret
from drivers.redact import redact

_TRY_LATER: Final = "wait until it reverted or was confirmed, then try again"
_REFUSALS: Final[Refusals] = MappingProxyType(
    {
        11: (ConfigRejected, "another trial is open", _TRY_LATER, False),
        12: (ConfigRejected, "the upload arrived damaged; nothing was changed", "try again", False),
        13: (ConfigRejected, "its script refused a line", "nothing stays applied", True),
        14: (ConfigRejected, "its configuration changed since the plan was made", "plan again", False),
        15: (
            ConfigRejected,
            "its dead-man guard does not run",
            "nothing stays applied; look at its memory and disk",
            False,
        ),
        16: (VerifyFailed, "it has no open trial of ours", "its own timer ended it", False),
        17: (UnexpectedReply, "a path has letters that Plaza does not write", "rename it there", True),
        18: (ConfigRejected, "a command failed", "look at its free disk, and at who logs in: root?", True),
        19: (ConfigRejected, "it does not know the time zone", "install tzdata there", True),
    }
)
_PROGRAM: Final = Program("linux/trial.sh", _REFUSALS)
_GUARD: Final = "linux/guard.sh"
_STATE: Final = re.compile(r"^plaza state\n((?:(?!files\n).*\n)*)files\n", re.MULTILINE)
"""A greeting may come before it. What the device has, then our files, of which `arm` takes the digest."""


def read(talk: Talk) -> Running:
    """The files of ours and what the device has. Raises UnexpectedReply when it is not what we print."""
    said = _act(talk, Call("read_state"))
    match = _STATE.search(said)
    if match is None:
        raise UnexpectedReply(talk.device, "it did not print its configuration", redact(said[:2000]))
    files, login = said[match.end() :], talk.session.public_key
    text = f"login {login}\n{match[1]}{files}" if login else match[1] + files
    running = Running(Secret(text), hashlib.sha256(files.encode("utf-8", "surrogateescape")).hexdigest())
    parsed(talk.device, running)
    return running


def parsed(device: str, running: Running) -> state.State:
    """Raises UnexpectedReply."""
    try:
        return state.parse(running.text.reveal())
    except ValueError as error:
        raise UnexpectedReply(device, f"its files cannot be read: {error}") from error


def facts(talk: Talk) -> Facts:
    """What it is; a file that somebody writes works at once, so nothing of others waits."""
    return told.by_script(talk.device, _act(talk, Call("about")))[0]


def preview(talk: Talk, change: Change) -> str:
    """What its own `diff` says; "" where it has none."""
    said = _act(talk, Call("preview", texts={"batch": guarded.batch(change)}, secrets=change.secrets))
    return hidden(said)


def arm(talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
    """Stage the files and start the timer on the device; after `revert_s` seconds it reverts by itself.

    Raises ConfigRejected when the device is not as planned for or refuses a line; then nothing is armed.
    """
    values = {"FINGERPRINT": fingerprint, "TOKEN": token, "REVERT_S": str(revert_s)}
    values["SERVICES"] = " ".join(owned.services(change.paths))
    texts = {"batch": guarded.batch(change), "guard": shell.file(_GUARD)}
    _act(talk, Call("arm", values, texts, change.secrets))


def apply(talk: Talk, token: str) -> None:
    """Put the staged files in place and reload the services, detached from this login."""
    _act(talk, Call("apply", {"TOKEN": token}))


def status(talk: Talk, token: str) -> Trial:
    """What the device knows of the trial `token`."""
    return guarded.trial(talk.device, _act(talk, Call("status", {"TOKEN": token})))


def down(talk: Talk, services: Sequence[str]) -> tuple[str, ...]:
    """Those services that systemd does not report as running."""
    said = _act(talk, Call("down", {"SERVICES": " ".join(services)})).splitlines()
    return tuple(service for service in services if f"down {service}" in said)


def confirm(talk: Talk, token: str) -> None:
    """Keep the new files for good. Raises VerifyFailed when the device already reverted."""
    _act(talk, Call("confirm", {"TOKEN": token}))


def revert(talk: Talk, token: str) -> None:
    """Put the saved files back now, as the timer would."""
    _act(talk, Call("revert", {"TOKEN": token}))


def _act(talk: Talk, call: Call) -> str:
    known = {"OWNED": " ".join(owned.PARTS), "CONSULTED": " ".join(owned.CONSULTED)}
    return shell.act(talk, _PROGRAM, replace(call, values={**known, **call.values}))
