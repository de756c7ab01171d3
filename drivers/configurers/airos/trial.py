"""The acts of a guarded change at an airOS device: read, arm, apply, ask, confirm; each is one script."""

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.change import Change
from drivers.configurers import guarded, shell, told
from drivers.configurers.airos import cfg
from drivers.configurers.seam import Running, Talk, Trial
from drivers.configurers.shell import Call, Program, Refusals
from drivers.errors import ConfigRejected, UnexpectedReply, VerifyFailed
from drivers.facts import Facts
from drivers.model import Secret

_TRY_LATER: Final = "wait until it reverted or was confirmed, then try again"
_REFUSALS: Final[Refusals] = MappingProxyType(
    {
        10: (
            ConfigRejected,
            "its system.cfg has changes of somebody else that do not work yet",
            "apply or discard them in its web page",
            False,
        ),
        11: (ConfigRejected, "another trial is open", _TRY_LATER, False),
        12: (ConfigRejected, "the upload arrived damaged; nothing was changed", "try again", False),
        13: (ConfigRejected, "its script refused a line", "nothing stays applied", True),
        14: (ConfigRejected, "its configuration changed since the plan was made", "plan again", False),
        15: (ConfigRejected, "its dead-man guard does not run", "nothing stays applied", False),
        16: (VerifyFailed, "it has no open trial of ours", "its own timer or a power cycle ended it", False),
        17: (UnexpectedReply, "it has no configuration at", "is it really airOS?", True),
        18: (ConfigRejected, "a command failed", "look at its free memory; power it off and on", True),
        19: (
            ConfigRejected,
            "it runs the new configuration and could not write it to flash",
            "look at its free flash; a power cycle brings the old one back",
            False,
        ),
    }
)
_PROGRAM: Final = Program("ubiquiti_airos/trial.sh", _REFUSALS)
_GUARD: Final = "ubiquiti_airos/guard.sh"
_LOGIN: Final = "#login "
"""Begins the first line of a Running's text: airOS's own file does not say by which key we are logged in."""


def read(talk: Talk) -> Running:
    """Its system.cfg. Raises UnexpectedReply when it is none."""
    said = shell.act(talk, _PROGRAM, Call("read_state"))
    fingerprint, text = guarded.after_fingerprint(talk.device, said)
    try:
        cfg.parse(text)
    except cfg.NotCfg as error:
        raise UnexpectedReply(talk.device, f"its system.cfg cannot be read: {error}") from error
    return Running(Secret(f"{_LOGIN}{talk.session.public_key}\n{text}"), fingerprint)


def split(running: Running) -> tuple[str, str]:
    """The key of the login it was read by ("" for a password), and the text of system.cfg."""
    text = running.text.reveal()
    if not text.startswith(_LOGIN):
        return "", text
    first, _, rest = text.partition("\n")
    return first.removeprefix(_LOGIN), rest


def facts(talk: Talk) -> Facts:
    """What it is, and the keys of system.cfg that somebody changed and that do not work yet.

    Its free flash it does not tell: /etc/persistent lies in memory until `cfgmtd` packs it.
    """
    about, keys = told.by_script(talk.device, shell.act(talk, _PROGRAM, Call("about")))
    return replace(about, foreign=told.names(keys.split("\n")))


def preview(talk: Talk, change: Change) -> str:
    """What its own `diff` says; "" where it has none."""
    texts = {"batch": guarded.batch(change)}
    call = Call("preview", _md5(texts), texts, change.secrets)
    said = shell.act(talk, _PROGRAM, call)
    return cfg.redacted(said) if said else ""


def arm(talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
    """Stage the file and start the timer in the device's memory.

    Raises ConfigRejected when the device is not as planned for or refuses a line; then nothing is armed.
    """
    texts = {"batch": guarded.batch(change), "guard": shell.file(_GUARD)}
    values = {"FINGERPRINT": fingerprint, "TOKEN": token, "REVERT_S": str(revert_s)}
    shell.act(talk, _PROGRAM, Call("arm", values | _md5(texts), texts, change.secrets))


def apply(talk: Talk, token: str) -> None:
    """Put the staged file in place and make it work, detached from this login; flash stays as it is."""
    shell.act(talk, _PROGRAM, Call("apply", {"TOKEN": token}))


def status(talk: Talk, token: str) -> Trial:
    """What the device knows of the trial `token`; after a power cycle it knows only what was confirmed."""
    return guarded.trial(talk.device, shell.act(talk, _PROGRAM, Call("status", {"TOKEN": token})))


def on_air(talk: Talk) -> str:
    """What `iwconfig` says of its radio, "" where it is not there."""
    return shell.act(talk, _PROGRAM, Call("on_air"))


def confirm(talk: Talk, token: str) -> None:
    """Write the configuration to flash. Raises VerifyFailed when the device already reverted."""
    shell.act(talk, _PROGRAM, Call("confirm", {"TOKEN": token}))


def revert(talk: Talk, token: str) -> None:
    """Put the saved configuration back now, as the timer would."""
    shell.act(talk, _PROGRAM, Call("revert", {"TOKEN": token}))


def _md5(texts: dict[str, str]) -> dict[str, str]:
    """Against damage on the way, for a device without sha256sum."""
    return {
        f"{name.upper()}_MD5": hashlib.md5(
            text.encode("utf-8", "surrogateescape"), usedforsecurity=False
        ).hexdigest()
        for name, text in texts.items()
    }
