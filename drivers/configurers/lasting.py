"""What of a device's text stays while nobody changes anything, and whether a difference is only ours."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.change import Change
from drivers.configurers.seam import Running
from drivers.redact import HIDDEN, redact

_NEVER: Final = re.compile("(?!)")


@dataclass(frozen=True, slots=True)
class _Fleeting:
    """What comes and goes by itself or by a trial of ours: lines, and sections by their first line.

    `whole` is whether the platform's fingerprint covers every setting in its text, and not only ours.
    """

    lines: re.Pattern[str] = _NEVER
    sections: re.Pattern[str] = _NEVER
    whole: bool = True


_CISCO: Final = _Fleeting(
    re.compile(
        r"\s*!|Building configuration|Current configuration|Using \d+|s?ntp clock-period "
        r"|alias exec plaza_(?:trial|armed|go_)"
    ),
    whole=False,
)
_TABLE: Final[Mapping[str, _Fleeting]] = MappingProxyType(
    {
        "aruba_instant": _Fleeting(
            re.compile(r"!"), re.compile(r'wlan access-rule "?plaza-(?:staged|trial|keeping|kept)-')
        ),
        "cambium_cnpilot": _Fleeting(re.compile(r"!"), re.compile(r"wireless wlan 16\s*$")),
        "cisco_9800": _CISCO,
        "cisco_ios": _CISCO,
        "mikrotik_routeros": _Fleeting(
            re.compile(r"#|/system (?:scheduler|script) add .*name=\"?plaza-(?:revert|boot|last)\b"),
            whole=False,
        ),
        "openwrt": _Fleeting(whole=False),
    }
)
_OTHERS: Final = _Fleeting()
_REPLACES: Final = frozenset({"cisco_9800", "cisco_ios"})
"""Where a line takes the place of one like it, which the difference does not show."""
_TOLD: Final = re.compile(r"^! Last configuration change at (.+?) by (\S+)\s*$", re.MULTILINE)
_PROPERTY: Final = re.compile(r'([\w.-]+=)("(?:\\.|[^"\\])*"|\S*)')


def mark(platform: str, running: Running) -> str:
    """Equal (hex) for two configurations of a device that differ in nothing that somebody set.

    A digest of the whole text where the fingerprint covers only a part of it, so it must be kept as a secret
    is. Of files in which others have lines too, the fingerprint covers all lines.
    """
    if _TABLE.get(platform, _OTHERS).whole:
        return running.fingerprint
    kept = "\n".join(lasting(platform, running.text.reveal()))
    text = f"{running.fingerprint}\n{kept}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()


def lasting(platform: str, text: str) -> Iterator[str]:
    """The lines of a device's text, whole or redacted, that stay while nobody changes a setting."""
    fleeting = _TABLE.get(platform, _OTHERS)
    inside = False
    for line in text.splitlines():
        if line[:1].strip():
            inside = fleeting.sections.match(line) is not None
        if line.strip() and not inside and fleeting.lines.match(line) is None:
            yield line.rstrip()


def told_by(running: Running) -> str:
    """Who changed it last, where the device says so; else ""."""
    found = _TOLD.search(running.text.reveal())
    return redact(f"{found[2]} at {found[1]}") if found else ""


def others(platform: str, before: str, after: str, back: Change, taken: Change) -> bool:
    """Whether two redacted texts differ in more than changes speak of, for a person: `back`, the way from the
    second to the first in what is ours, and exactly the lines that are `taken` out of the first."""
    ours, gone = _spoken_of(back.text), _spoken_of(taken.text)
    if platform in _REPLACES:
        ours |= {_kin(line) for line in ours}
    old, new = (Counter(_places(platform, text)) for text in (before, after))
    different = (old - new) + (new - old)
    return any(
        ours.isdisjoint((*map(_plain, place), _kin(_plain(place[-1])))) and _plain(place[-1]) not in gone
        for place in different
    )


def _kin(line: str) -> str:
    """What it shares with a line that replaces it: its first words, but never all of them."""
    words = line.split()
    return " ".join(words[: min(2, max(1, len(words) - 1))]) + " …"


def _spoken_of(text: str) -> set[str]:
    """The lines that a unified difference adds or takes away, without the mark in front."""
    lines = (line for line in text.splitlines() if line[:1] in {"+", "-"})
    return {_plain(line[1:]) for line in lines if not line.startswith(("+++ ", "--- "))}


def _places(platform: str, text: str) -> Iterator[tuple[str, ...]]:
    """Each line behind the lines that it stands under; of RouterOS each property for itself."""
    around: list[tuple[int, str]] = []
    for line in lasting(platform, text):
        depth = len(line) - len(line.lstrip())
        while around and around[-1][0] >= depth:
            around.pop()
        around.append((depth, line.strip()))
        if platform == "mikrotik_routeros":
            yield from ((f'{name}"{value.strip(chr(34))}"',) for name, value in _PROPERTY.findall(line))
        else:
            yield tuple(one for _, one in around)


def _plain(line: str) -> str:
    """As differences and texts both write it."""
    return (
        redact(line.strip())
        .replace(f"{HIDDEN} (new)", HIDDEN)
        .replace('"', "")
        .replace(f"'{HIDDEN}'", HIDDEN)
    )
