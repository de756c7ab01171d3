"""What a Cisco device says of itself: `show version`, `show inventory`, `dir`.

The words follow Cisco's command references and programs that read them (Genie's parsers among them).
"""

import re
from typing import Final

from drivers.configurers import told
from drivers.configurers.cisco_ios import trial
from drivers.configurers.seam import Talk
from drivers.errors import UnexpectedReply
from drivers.facts import Facts
from drivers.redact import redact

_VERSION: Final = re.compile(r"^Cisco IOS.*?\bVersion ([\w.()-]+)", re.MULTILINE)
_MODELS: Final = (
    re.compile(r"^Product/Model Number *: *(\S+)", re.MULTILINE),
    re.compile(r"^Model [Nn]umber *: *(\S+)", re.MULTILINE),
    re.compile(r"^[Cc]isco (\S+) .*\bprocessor\b", re.MULTILINE),
    re.compile(r"^PID: *(\S+)", re.MULTILINE),
)
_SERIALS: Final = (
    re.compile(r"^Top Assembly Serial Number *: *(\S+)", re.MULTILINE),
    re.compile(r"^System [Ss]erial [Nn]umber *: *(\S+)", re.MULTILINE),
    re.compile(r"^Processor board ID (\w+)", re.MULTILINE),
    re.compile(r"^PID:.*\bSN: *(\w+)", re.MULTILINE),
)
_FREE: Final = re.compile(r"\(([0-9]{1,15}) bytes free\)")


def facts(talk: Talk) -> Facts:
    """What it is, its free flash, and what somebody left unsaved. Raises UnexpectedReply."""
    said = trial.shown(talk, "show version")
    version = _VERSION.search(said)
    if version is None:
        raise UnexpectedReply(talk.device, "it did not say what it is", redact(said[:2000]))
    if not _first(_MODELS, said) or not _first(_SERIALS, said):
        said += "\n" + trial.shown(talk, "show inventory")
    free = _FREE.search(trial.shown(talk, "dir flash:"))
    return Facts(
        told.word(_first(_MODELS, said)),
        told.word(version[1]),
        told.serial(_first(_SERIALS, said)),
        int(free[1]) if free else None,
        trial.unsaved(talk),
    )


def _first(patterns: tuple[re.Pattern[str], ...], said: str) -> str:
    """Of the first pattern that is found."""
    return next((found[1] for one in patterns if (found := one.search(said))), "")
