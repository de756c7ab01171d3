"""What a probe says of each step, and how that crosses from its process to ours: one JSON line a step."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

LONGEST: Final = 300


class Step(StrEnum):
    """What a phone does between joining a network and showing the portal, in this order."""

    DHCP = "dhcp"
    ROUTER = "router"  # ARP
    DNS = "dns"
    REDIRECT = "redirect"
    PORTAL = "portal"
    API = "api"  # RFC 8908, where DHCP gives its address


class Went(StrEnum):
    """How a step went; `untried` is evidence of nothing."""

    WORKED = "worked"
    FAILED = "failed"
    UNTRIED = "untried"


OPTIONAL: Final = frozenset({Step.API})
"""Without it a phone still finds the portal, by the redirect."""
NEEDED: Final = frozenset(Step) - OPTIONAL


@dataclass(frozen=True, slots=True)
class Finding:
    """One step, in words for a technician; `took_ms` is the round trip of one that worked."""

    step: Step
    went: Went
    said: str
    took_ms: float | None = None

    def line(self) -> str:
        """As one line of JSON."""
        told = {"step": self.step, "went": self.went, "said": self.said, "took_ms": self.took_ms}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> Self:
        """What `line` gave. Raises ValueError for anything else."""
        told = json.loads(line)
        if not isinstance(told, dict):
            raise ValueError(f"not a finding: {line[:80]!r}")
        took = told.get("took_ms")
        if took is not None and not isinstance(took, int | float):
            raise ValueError(f"not a time: {took!r}")
        return cls(
            Step(str(told.get("step"))), Went(str(told.get("went"))), plain(str(told.get("said", ""))), took
        )


def plain(text: str) -> str:
    """What strangers in the network sent, without what moves a terminal's cursor, at most 300 characters."""
    shown = "".join(mark if mark.isprintable() else "?" for mark in text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def works(findings: Iterable[Finding]) -> bool | None:
    """Whether a citizen gets to the portal; None where that could not be tried to the end."""
    found = list(findings)
    if any(finding.went is Went.FAILED for finding in found):
        return False
    worked = {finding.step for finding in found if finding.went is Went.WORKED}
    return True if worked >= NEEDED else None


def decisive(findings: Sequence[Finding]) -> Finding:
    """The step to speak of: the one that failed, else a needed one that was not tried, else the last."""
    for finding in findings:
        if finding.went is Went.FAILED or (finding.went is Went.UNTRIED and finding.step in NEEDED):
            return finding
    return findings[-1]
