"""How often something must be seen before it is believed: counted in looks, so no clock can hurry it."""

from dataclasses import dataclass
from typing import Final

from controller.incidents.model import UNSEEN, Fact, Seen

DOWN_AFTER_S: Final = 90
"""So long must something fail, by the number of looks, before it is down."""
UP_AFTER_S: Final = 300
"""So long must it work again before it is up: one that flaps stays in its incident."""
LEAST: Final = 2
"""Looks in a row that are needed at least, however seldom they are."""
_TURNS, _AT_LEAST_S = 3, 120
SLACK_S: Final = 600
"""So far may a clock and the number of looks differ before the clock is not believed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Looks in a row until it is believed down, or up again; what is older than `patience_s` is unknown."""

    down: int
    up: int
    interval_s: int
    patience_s: int

    @classmethod
    def every(cls, interval_s: int) -> "Pace":
        """The pace of what is looked at so often."""
        down, up = (max(LEAST, -(-after // interval_s)) for after in (DOWN_AFTER_S, UP_AFTER_S))
        return cls(down, up, interval_s, max(_AT_LEAST_S, _TURNS * interval_s))


@dataclass(frozen=True, slots=True)
class Look:
    """What is stored of something: `works` at the last of `run` looks in a row that said the same."""

    works: bool | None
    run: int
    run_since: int
    checked_at: int
    reason: str = ""
    degraded: bool = False


def seen(look: Look | None, pace: Pace, now: int) -> Seen:
    """What to believe of it at `now`."""
    if look is None or look.works is None or abs(now - look.checked_at) > pace.patience_s:
        return UNSEEN
    fact = Fact.GOOD if look.works else Fact.BAD
    needed = pace.up if look.works else pace.down
    sure_at = look.checked_at + (needed - look.run) * pace.interval_s
    since = began(look, pace)
    return Seen(fact, look.run >= needed, since, look.checked_at, look.reason, look.degraded, sure_at)


def began(look: Look, pace: Pace) -> int:
    """When its run began: what was written then, unless the number of looks shows that the clock was set."""
    by_looks_s = (look.run - 1) * pace.interval_s
    by_clock_s = look.checked_at - look.run_since
    if 0 <= by_clock_s <= 2 * by_looks_s + SLACK_S:
        return look.run_since
    return look.checked_at - by_looks_s


def carried_on(before: Look | None, works: bool | None, checked_at: int, reason: str = "") -> Look:
    """One more look. Where nobody could tell, the run neither grows nor ends."""
    if works is None:
        run, since = (before.run, before.run_since) if before is not None else (0, checked_at)
        return Look(None if before is None else before.works, run, since, checked_at, reason)
    if before is None or before.works is not works:
        return Look(works, 1, checked_at, checked_at, reason)
    return Look(works, before.run + 1, before.run_since, checked_at, reason)
