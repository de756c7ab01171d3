"""The acts of a guarded change at a device: read, arm, apply, ask, confirm; each is one script."""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, NoReturn

from drivers import uci
from drivers.dialect import Dialect
from drivers.diff import Diff
from drivers.errors import ConfigRejected, DriverError, UnexpectedReply, VerifyFailed
from drivers.model import Secret
from drivers.redact import redact
from drivers.render import PLATFORMS
from drivers.ssh import Output, Shell
from drivers.uci import Config

_TRY_LATER: Final = "wait until it reverted or was confirmed, then try again"
_REFUSALS: Final[Mapping[int, tuple[type[DriverError], str, str]]] = MappingProxyType(
    {
        10: (
            ConfigRejected,
            "it has uncommitted changes of somebody else",
            "see `uci changes` there, then commit or revert them",
        ),
        11: (ConfigRejected, "another trial is open", _TRY_LATER),
        12: (ConfigRejected, "the upload arrived damaged; nothing was changed", "try again"),
        13: (ConfigRejected, "uci refused a line", "nothing stays applied"),
        14: (ConfigRejected, "its configuration changed since the plan was made", "plan again"),
        15: (
            ConfigRejected,
            "its dead-man guard does not run",
            "nothing stays applied; look at its memory and flash",
        ),
        16: (VerifyFailed, "it has no open trial of ours", "its own timer ended it"),
        17: (UnexpectedReply, "it has no configuration of", "is it really OpenWrt?"),
        18: (ConfigRejected, "a command failed", "look at its free flash"),
    }
)


@dataclass(frozen=True, slots=True)
class Talk:
    """A login at a device, the dialect it speaks, and the seconds one act of it may take."""

    shell: Shell
    dialect: Dialect
    device: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Running:
    """What a device has now; `fingerprint` is over the exact octets of its files."""

    config: Config
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a device says about a trial of ours.

    `phase` is none, open, reverting or confirming; `token` whose it is; `ending` "confirmed TOKEN",
    "reverted TOKEN timer|boot" or empty for the token that was asked about.
    """

    phase: str
    token: str
    reloaded: bool
    ending: str


def read(talk: Talk) -> Running:
    """The committed configuration. Raises UnexpectedReply when it is not what uci prints."""
    said = _act(talk, "read_config")
    first, _, text = said.partition("\n")
    match = re.fullmatch(r"fingerprint ([0-9a-f]{64})", first)
    if match is None:
        raise UnexpectedReply(talk.device, "it did not print its configuration", redact(said[:2000]))
    try:
        return Running(uci.parse(text), match[1])
    except uci.NotUci as error:
        raise UnexpectedReply(talk.device, f"its configuration cannot be read: {error}") from error


def arm(talk: Talk, change: Diff, fingerprint: str, token: str, revert_s: int) -> None:
    """Stage the change and start the timer on the device; after `revert_s` seconds it reverts by itself.

    Raises ConfigRejected when the device is not as planned for or refuses a line; then nothing is armed.
    """
    batch = "".join(f"{op.line()}\n" for op in change.ops)
    values = {"FINGERPRINT": fingerprint, "TOKEN": token, "REVERT_S": str(revert_s)}
    texts = {"batch": batch, "guard": _file(talk.dialect.guard)}
    _act(talk, "arm", values, texts, [op.value for op in change.ops if isinstance(op.value, Secret)])


def apply(talk: Talk, token: str) -> None:
    """Commit what was staged and reload the device's services, detached from this login."""
    _act(talk, "apply", {"TOKEN": token})


def status(talk: Talk, token: str) -> Trial:
    """What the device knows of the trial `token`."""
    said = _act(talk, "status", {"TOKEN": token})
    facts = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return Trial(
        phase=facts.get("trial", "none"),
        token=facts.get("token", ""),
        reloaded="reloaded" in facts,
        ending=facts.get("ending", ""),
    )


def on_air(talk: Talk) -> str:
    """The device's own account of its radios, for its dialect to read; empty when it cannot tell."""
    return _act(talk, "on_air")


def confirm(talk: Talk, token: str) -> None:
    """Keep the new configuration for good. Raises VerifyFailed when the device already reverted."""
    _act(talk, "confirm", {"TOKEN": token})


def _act(
    talk: Talk,
    function: str,
    values: Mapping[str, str] = MappingProxyType({}),
    texts: Mapping[str, str] = MappingProxyType({}),
    secrets: Sequence[Secret] = (),
) -> str:
    output = talk.shell.run(_script(talk.dialect, function, values, texts), talk.timeout_s)
    if output.status != 0:
        _raise(talk.device, output, secrets)
    return output.stdout


def _script(dialect: Dialect, function: str, values: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """The call is the last line, so that a script cut off on its way does nothing."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines.append(f"PACKAGES={shlex.quote(' '.join(dialect.packages))}")
    lines.append(f"CONSULTED={shlex.quote(' '.join(dialect.consulted))}")
    for name, text in texts.items():
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        lines.append(f"{name.upper()}_SHA256={digest}")
        lines.append(f"{name}_text() {{ cat <<'END_{digest}'\n{text}END_{digest}\n}}")
    return "\n".join([*lines, _file(dialect.script), function, ""])


def _raise(device: str, output: Output, secrets: Sequence[Secret]) -> NoReturn:
    heard = redact(output.stderr[:2000], secrets)
    said = (heard.strip().splitlines() or [""])[-1][:200]
    kind, reason, hint = _REFUSALS.get(
        output.status, (UnexpectedReply, f"a script ended with {output.status}", "")
    )
    detail = f": {said}" if said and output.status not in {10, 11, 12, 14, 15, 16} else ""
    if kind is UnexpectedReply:
        raise UnexpectedReply(device, reason + detail, heard, hint)
    raise kind(device, reason + detail, hint)


@cache
def _file(name: str) -> str:
    return (PLATFORMS / name).read_text(encoding="utf-8")
