"""The acts of a guarded change at an OpenWrt device: read, arm, apply, ask, confirm; each is one script."""

import hashlib
import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.change import Change
from drivers.configurers import guarded, shell, told
from drivers.configurers.openwrt import diff, files, revoking, uci
from drivers.configurers.openwrt.dialect import Dialect
from drivers.configurers.seam import Running, Talk, Trial
from drivers.configurers.shell import Call, Program, Refusals
from drivers.errors import ConfigRejected, UnexpectedReply, VerifyFailed
from drivers.facts import Facts
from drivers.model import Secret
from drivers.redact import redact

_TRY_LATER: Final = "wait until it reverted or was confirmed, then try again"
_REFUSALS: Final[Refusals] = MappingProxyType(
    {
        10: (
            ConfigRejected,
            "it has uncommitted changes of somebody else",
            "see `uci changes` there, then commit or revert them",
            False,
        ),
        11: (ConfigRejected, "another trial is open", _TRY_LATER, False),
        12: (ConfigRejected, "the upload arrived damaged; nothing was changed", "try again", False),
        13: (ConfigRejected, "uci refused a line", "nothing stays applied", True),
        14: (ConfigRejected, "its configuration changed since the plan was made", "plan again", False),
        15: (
            ConfigRejected,
            "its dead-man guard does not run",
            "nothing stays applied; look at its memory and flash",
            False,
        ),
        16: (VerifyFailed, "it has no open trial of ours", "its own timer ended it", False),
        17: (UnexpectedReply, "it has no configuration of", "is it really OpenWrt?", True),
        18: (ConfigRejected, "a command failed", "look at its free flash", True),
        19: (
            ConfigRejected,
            "a change of somebody else waits there for a confirmation",
            "wait until LuCI has confirmed or reverted it, then try again",
            False,
        ),
        20: (
            ConfigRejected,
            "the key that Plaza logs in with would be gone from",
            "add it to `ssh_keys`, or to the lines around ours",
            True,
        ),
    }
)

_VALUES: Final = re.compile(r"'[^']*(?:'|$)|\\.", re.DOTALL)
_WAITING: Final = MappingProxyType({"rpcd": "what waits there for LuCI's confirmation"})


def read(talk: Talk, dialect: Dialect) -> Running:
    """The committed configuration. Raises UnexpectedReply when it is not what uci prints."""
    said = _act(talk, dialect, Call("read_config"))
    first, _, text = said.partition("\n")
    match = re.fullmatch(r"fingerprint ([0-9a-f]{64})", first)
    if match is None:
        raise UnexpectedReply(talk.device, "it did not print its configuration", redact(said[:2000]))
    try:
        uci.parse(text)
    except uci.NotUci as error:
        raise UnexpectedReply(talk.device, f"its configuration cannot be read: {error}") from error
    return Running(Secret(text), match[1], talk.session.public_key)


def facts(talk: Talk, dialect: Dialect) -> Facts:
    """What it is, and the options that somebody staged there."""
    about, listed = told.by_script(talk.device, _act(talk, dialect, Call("about")))
    return replace(about, foreign=staged(listed))


def staged(listed: str) -> str:
    """The names of what `uci changes` lists, whose values may hold line ends."""
    lines = _VALUES.sub("", listed).split("\n")
    return told.names(_WAITING.get(line, line.partition("=")[0].strip("+-")) for line in lines)


def arm(talk: Talk, dialect: Dialect, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
    """Stage the change and start the timer on the device; after `revert_s` seconds it reverts by itself.

    Raises ConfigRejected when the device is not as planned for or refuses a line; then nothing is armed.
    """
    blocks = diff.blocks(change)
    revoked = blocks.pop(revoking.OTHERS, "")
    values = {
        "FINGERPRINT": fingerprint,
        "TOKEN": token,
        "REVERT_S": str(revert_s),
        "BLOCKS": " ".join(f"{name}:{_digest(text)}" for name, text in blocks.items()),
        "REVOKED_SHA256": "",
        "LOGIN_KEY": talk.session.public_key if revoked or files.KEYS.name in blocks else "",
    }
    texts = {
        "batch": diff.batch(change),
        "guard": shell.file(dialect.guard),
        "air": shell.file(dialect.air),
        **({"revoked": revoked} if revoked else {}),
        **{f"block_{name}": text for name, text in blocks.items()},
    }
    _act(talk, dialect, Call("arm", values, texts, change.secrets))


def preview(talk: Talk, dialect: Dialect, change: Change) -> str:
    """The changes as uci would stage them, without secrets; staged nowhere afterwards."""
    batch = diff.batch(change)
    if not batch:
        return ""
    said = _act(talk, dialect, Call("preview", texts={"batch": batch}, secrets=change.secrets))
    return redact(uci.hidden(said), change.secrets)


def apply(talk: Talk, dialect: Dialect, token: str) -> None:
    """Commit what was staged and reload the device's services, detached from this login."""
    _act(talk, dialect, Call("apply", {"TOKEN": token}))


def status(talk: Talk, dialect: Dialect, token: str) -> Trial:
    """What the device knows of the trial `token`."""
    return guarded.trial(talk.device, _act(talk, dialect, Call("status", {"TOKEN": token})))


def on_air(talk: Talk, dialect: Dialect) -> str:
    """The device's own account of its radios, for its dialect to read; empty when it cannot tell."""
    return _act(talk, dialect, Call("on_air"))


def confirm(talk: Talk, dialect: Dialect, token: str) -> None:
    """Keep the new configuration for good. Raises VerifyFailed when the device already reverted."""
    _act(talk, dialect, Call("confirm", {"TOKEN": token}))


def revert(talk: Talk, dialect: Dialect, token: str) -> None:
    """Put the saved configuration back now, as the timer would."""
    _act(talk, dialect, Call("revert", {"TOKEN": token}))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _act(talk: Talk, dialect: Dialect, call: Call) -> str:
    known = {
        "PACKAGES": " ".join(dialect.packages),
        "OPTIONAL": " ".join(dialect.optional),
        "CONSULTED": " ".join(dialect.consulted),
        "FILES": " ".join(map(str, dialect.files)),
    }
    program = Program(dialect.script, _REFUSALS)
    return shell.act(talk, program, replace(call, values={**known, **call.values}))
