"""What a probe says of each step, and how that crosses from its process to ours: one JSON line a step."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

LONGEST: Final = 300


class Step(StrEnum):
    """What a phone does between joining a network and being online, in this order."""

    DHCP = "dhcp"
    ROUTER = "router"  # ARP
    DNS = "dns"
    REDIRECT = "redirect"
    PORTAL = "portal"
    API = "api"  # RFC 8908, where DHCP gives its address
    GRANT = "grant"  # the one button
    HTTP = "http"  # through the door


class Went(StrEnum):
    """How a step went; `untried` is evidence of nothing."""

    WORKED = "worked"
    FAILED = "failed"
    UNTRIED = "untried"


OPTIONAL: Final = frozenset({Step.API})
"""Without it a phone still finds the portal, by the redirect."""
ENTERING: Final = frozenset({Step.GRANT, Step.HTTP})
"""What only a probe does that presses the button."""
NEEDED: Final = frozenset(Step) - OPTIONAL - ENTERING


@dataclass(frozen=True, slots=True)
class Finding:
    """One step, in words for a technician; `took_ms` is how long one took that worked.

    `rtt_ms` is a round trip of TCP, `down_bps` the rate of a download, where the step has them.
    """

    step: Step
    went: Went
    said: str
    took_ms: float | None = None
    rtt_ms: float | None = None
    down_bps: float | None = None

    def line(self) -> str:
        """As one line of JSON."""
        told = {"step": self.step, "went": self.went, "said": self.said, "took_ms": self.took_ms}
        measured = {name: value for name in _MEASURED if (value := getattr(self, name)) is not None}
        return json.dumps(told | measured, ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> Self:
        """What `line` gave. Raises ValueError for anything else."""
        told = json.loads(line)
        if not isinstance(told, dict):
            raise ValueError(f"not a finding: {line[:80]!r}")
        step, went = Step(str(told.get("step"))), Went(str(told.get("went")))
        numbers = {name: _number(told.get(name)) for name in ("took_ms", *_MEASURED)}
        return cls(step, went, plain(str(told.get("said", ""))), **numbers)


_MEASURED: Final = ("rtt_ms", "down_bps")


def _number(value: object) -> float | None:
    if value is not None and (not isinstance(value, int | float) or not math.isfinite(value)):
        raise ValueError(f"not a number: {value!r}")
    return value


def plain(text: str) -> str:
    """What strangers in the network sent, without what moves a terminal's cursor, at most 300 characters."""
    shown = "".join(mark if mark.isprintable() else "?" for mark in text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def works(findings: Iterable[Finding]) -> bool | None:
    """Whether a citizen gets as far as the probe tried; None where that could not be tried to the end.

    A probe that presses the button tries whether one gets online, any other whether one gets to the portal.
    """
    found = list(findings)
    if any(finding.went is Went.FAILED for finding in found):
        return False
    worked = {finding.step for finding in found if finding.went is Went.WORKED}
    enters = any(finding.step in ENTERING for finding in found)
    return True if worked >= (NEEDED | ENTERING if enters else NEEDED) else None


def decisive(findings: Sequence[Finding]) -> Finding:
    """The step to speak of: the one that failed, else a needed one that was not tried, else the last."""
    for finding in findings:
        if finding.went is Went.FAILED or (finding.went is Went.UNTRIED and finding.step not in OPTIONAL):
            return finding
    return findings[-1]
