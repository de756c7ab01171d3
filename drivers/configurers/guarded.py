"""What the scripts of devices with a guard of ours have in common: a batch of lines, and a status."""

import re
from typing import Final

from drivers.change import Change
from drivers.configurers.seam import Phase, Trial
from drivers.errors import UnexpectedReply
from drivers.redact import redact

_FINGERPRINT: Final = re.compile(r"^fingerprint ([0-9a-f]{32}|[0-9a-f]{64})\n", re.MULTILINE)


def batch(change: Change) -> str:
    """The lines of a change as the script reads them, secrets in clear."""
    return "".join(f"{line.command.reveal()}\n" for line in change.lines)


def after_fingerprint(device: str, said: str) -> tuple[str, str]:
    """The fingerprint (hex) that a script prints first, and what follows it; a greeting before it is nothing.

    Raises UnexpectedReply.
    """
    match = _FINGERPRINT.search(said)
    if match is None:
        raise UnexpectedReply(device, "it did not print its configuration", redact(said[:2000]))
    return match[1], said[match.end() :]


def trial(device: str, said: str) -> Trial:
    """What the script's `status` prints: lines of trial=, token=, reloaded= and ending=.

    Raises UnexpectedReply.
    """
    facts = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if facts.get("trial") not in set(Phase):
        raise UnexpectedReply(device, "it did not say how its trial stands", redact(said[:2000]))
    return Trial(
        phase=Phase(facts["trial"]),
        token=facts.get("token", ""),
        reloaded="reloaded" in facts,
        ending=facts.get("ending", "").partition(" ")[0],
    )
