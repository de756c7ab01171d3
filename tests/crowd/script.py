"""A virtual crowd: who comes to a square when, and how long each stays; the same for every kind."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from captive_portal.model import Plan

PLAN: Final = Plan("libre", timedelta(minutes=20), daily=timedelta(minutes=40))
SEED: Final = 7
PHONES: Final = 4
STEP_S: Final = 30
"""Everything happens at a multiple of it."""

WAVES_S: Final = (0, 1500, 3000)
LENGTH_S: Final = 3180


@dataclass(frozen=True, slots=True)
class Visit:
    """`phone` (1 to PHONES) taps `at_s` after the beginning; `stay_s` later it leaves, None: it stays on.

    `is_granted` is whether its day is not used up yet.
    """

    phone: int
    at_s: int
    stay_s: int | None
    is_granted: bool = True

    @property
    def online_s(self) -> int:
        """How long its door is open: until it leaves or its time is over."""
        most = int(PLAN.duration.total_seconds())
        return min(most, self.stay_s or most) if self.is_granted else 0

    @property
    def until_s(self) -> int:
        """When it is gone."""
        return self.at_s + self.online_s


def crowd(seed: int = SEED) -> list[Visit]:
    """The visits: three waves.

    All come, and most leave early; all come back, and who stayed to the end stays to the end once more; at
    last those come again, whose day is used up.
    """
    chance = random.Random(seed)

    def steps(least: int, most: int) -> int:
        return STEP_S * chance.randint(least, most)

    first, second, third = WAVES_S
    visits = []
    for phone in range(1, PHONES + 1):
        stays_on = phone % 2 == 0
        for wave in (first, second):
            visits.append(Visit(phone, wave + steps(0, 1), None if stays_on else steps(10, 33)))
        if stays_on:
            visits.append(Visit(phone, third + steps(0, 1), None, is_granted=False))
    return visits


def session_hours(visits: Sequence[Visit]) -> float:
    """The truth."""
    return sum(one.online_s for one in visits) / 3600
