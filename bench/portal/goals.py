"""What a figure of the portal is, and what we want of each: none is measured here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bench.poll.goals import Rule, holds


@dataclass(frozen=True, slots=True)
class Goal:
    """How a figure has to stand to its limit, in the figure's unit."""

    rule: Rule
    limit: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured; None when it could not be. Without a goal it is told and never judged.

    `name` is for readers and machines alike, one of a kind in its part. `details` is what stands behind it:
    how often, of how many, the least and the most.
    """

    name: str
    value: float | None
    unit: str
    goal: Goal | None = None
    details: str = ""

    @property
    def meets(self) -> bool:
        """Whether the goal is reached; what was not measured is not."""
        if self.goal is None:
            return True
        return self.value is not None and holds(self.goal.rule, self.value, self.goal.limit)

    @property
    def words(self) -> str:
        """For a reader."""
        if self.value is None:
            return "not measured"
        if self.goal is None:
            return ""
        return "meets" if self.meets else "falls short"


class Part(Protocol):
    """One part of a run: does its work `rounds` times and tells its figures.

    Raises bench.poll.peer.Missing when what it needs cannot be had here, and bench.poll.child.ClientFailed
    when a program it started ended with an error: the run goes on with the next part, and ends with 1.
    """

    def __call__(self, rounds: int) -> tuple[Figure, ...]: ...


PAGE_OCTETS: Final = Goal(Rule.AT_MOST, 4_000)
JOURNEY_OCTETS: Final = Goal(Rule.AT_MOST, 8_000)
JOURNEY_REQUESTS: Final = Goal(Rule.AT_MOST, 3)
CPU_OVER_FLASK: Final = Goal(Rule.AT_MOST, 0.45)
GRANTS_PER_CPU_S: Final = Goal(Rule.AT_LEAST, 1_000)
RADIUS_PER_CPU_S: Final = Goal(Rule.AT_LEAST, 1_000)
NO_FAILURES: Final = Goal(Rule.AT_MOST, 0)
CROWD_S: Final = Goal(Rule.AT_MOST, 60)
"""5,000 phones after a power cut."""
TAP_LAN_MS: Final = Goal(Rule.AT_MOST, 400)
TAP_SATELLITE_S: Final = Goal(Rule.AT_MOST, 6)
"""At 64 kbit/s and 600 ms there and back."""

QUOTED: Final = {
    "openWISP's login page (quoted, not run)": "209,957 B in 21 requests, blank without JavaScript",
    "uspot's page (quoted, not run)": "163 kB",
}
"""Measured when the portal was designed: neither runs in this bench."""


def exit_code(figures: Sequence[Figure], failed: Sequence[str]) -> int:
    """1 when a goal is not reached, or a part (by its name) failed."""
    return int(bool(failed) or not all(figure.meets for figure in figures))
