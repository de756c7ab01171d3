"""What we want of each figure, and whether it was reached: no figure is measured here."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Part(StrEnum):
    """What a run may be about; a goal is judged only when its part was run."""

    COST = "cost"
    ROBUST = "robust"
    POLLER = "poller"


class Rule(StrEnum):
    """How a figure stands to its limit."""

    AT_LEAST = ">="
    ABOVE = ">"
    AT_MOST = "<="
    BELOW = "<"


_HOLDS: Final[Mapping[Rule, Callable[[float, float], bool]]] = MappingProxyType(
    {Rule.AT_LEAST: operator.ge, Rule.ABOVE: operator.gt, Rule.AT_MOST: operator.le, Rule.BELOW: operator.lt}
)


def holds(rule: Rule, value: float, limit: float) -> bool:
    """Whether a figure stands to its limit as it should."""
    return _HOLDS[rule](value, limit)


@dataclass(frozen=True, slots=True)
class Goal:
    """`key` finds the figure; `peer` is the client without which there is none."""

    part: Part
    key: str
    what: str
    rule: Rule
    limit: float
    unit: str = ""
    peer: str = ""


def _cheaper(mode: str, peer: str, rule: Rule, limit: float) -> Goal:
    what = f"{mode}: CPU of {peer} / CPU of ours"
    return Goal(Part.COST, f"{mode} / {peer}", what, rule, limit, "x", peer)


def _complete(mode: str) -> Goal:
    return Goal(Part.COST, f"{mode} complete", f"{mode}: our polls complete", Rule.AT_LEAST, 100, "%")


GOALS: Final = (
    _complete("v2c"),
    _cheaper("v2c", "pysnmp", Rule.AT_LEAST, 200),
    _cheaper("v2c", "snmp_exporter", Rule.AT_LEAST, 10),
    _cheaper("v2c", "gufo-snmp", Rule.AT_LEAST, 4),
    _cheaper("v2c", "gosnmp", Rule.ABOVE, 1),
    _complete("v3 warm"),
    _cheaper("v3 warm", "pysnmp", Rule.AT_LEAST, 100),
    _cheaper("v3 warm", "snmp_exporter", Rule.AT_LEAST, 6),
    _cheaper("v3 warm", "gufo-snmp", Rule.AT_LEAST, 1.8),
    _complete("v3 cold"),
    _cheaper("v3 cold", "gufo-snmp", Rule.AT_LEAST, 10),
    Goal(Part.ROBUST, "living keep", "half of 10,000 dead: rate the living keep", Rule.AT_LEAST, 95, "%"),
    Goal(Part.ROBUST, "starved 2000", "4 busy loops, 2,000 in flight: called dead", Rule.AT_MOST, 0),
    Goal(Part.ROBUST, "starved 10000", "4 busy loops, 10,000 in flight: called dead", Rule.AT_MOST, 0),
    Goal(Part.ROBUST, "growth", "RSS growth over the polls below", Rule.BELOW, 2, "MB"),
    Goal(Part.ROBUST, "per device", "RSS per device the engine knows", Rule.BELOW, 3000, "B"),
    Goal(Part.POLLER, "poller cpu", "plaza run poller, 10,000 a minute: CPU of a core", Rule.BELOW, 25, "%"),
    Goal(Part.POLLER, "poller rss", "plaza run poller: RSS at its peak", Rule.BELOW, 300, "MB"),
    Goal(Part.POLLER, "poller asked", "plaza run poller: asked within 2 minutes", Rule.AT_LEAST, 100, "%"),
    Goal(Part.POLLER, "poller downs", "plaza run poller: false downs", Rule.AT_MOST, 0),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what was measured; None when it could not be."""

    goal: Goal
    value: float | None

    @property
    def meets(self) -> bool:
        """Whether the goal is reached; what was not measured is not."""
        return self.value is not None and holds(self.goal.rule, self.value, self.goal.limit)

    @property
    def words(self) -> str:
        """For a reader."""
        if self.value is None:
            return "not measured"
        return "meets" if self.meets else "falls short"


def judge(measured: Mapping[str, float], parts: Iterable[Part], peers: Iterable[str]) -> list[Verdict]:
    """Every goal of the parts and peers that were asked for, beside its figure."""
    of_parts, of_peers = set(parts), {"", *peers}
    asked = (goal for goal in GOALS if goal.part in of_parts and goal.peer in of_peers)
    return [Verdict(goal, measured.get(goal.key)) for goal in asked]


def exit_code(verdicts: Sequence[Verdict], missing: Iterable[str], *, strict: bool) -> int:
    """1 when a goal is not reached. `missing` peers could not be had: excused unless `strict` (CI)."""
    absent = set(missing)
    if strict and absent:
        return 1
    excused = [verdict for verdict in verdicts if verdict.value is None and verdict.goal.peer in absent]
    return int(any(not verdict.meets for verdict in verdicts if verdict not in excused))
