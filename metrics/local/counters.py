"""How much a device's counters grew between two readings, when that can be known."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

# A growth over a longer silence belongs to no hour, and further back nobody looks.
LONGEST_SILENCE_S: Final = 3_600
# A sample bears its slot's time; the poll may come late in the slot, and the device's clock may drift.
SLACK_S: Final = 60
# SNMPv2-MIB sysUpTime counts hundredths of a second in 32 bits: it begins again after 497 days of running.
UPTIME_WRAP_S: Final = 2**32 // 100

Growth = tuple[int, int]
"""Over how many intervals it is known, and how much it was."""


def gaps(times: Sequence[int], uptimes: Sequence[Any], restarts: Sequence[int] = ()) -> list[int]:
    """Between which readings, by the number of the earlier one, nobody knows what happened.

    Readings lie in the order of time; an uptime may be None. `restarts` are moments at which, but not at the
    reading before, the device is known to have begun anew.
    """
    return [
        number
        for number, (before, after) in enumerate(pairwise(times))
        if not _went_on(after - before, uptimes[number], uptimes[number + 1])
        or any(before < restart <= after for restart in restarts)
    ]


def growth(values: Sequence[Any], unknown: Sequence[int]) -> Growth:
    """What a counter grew; across a gap, a step back or an unknown value nothing: never a spike."""
    known = total = 0
    for number, (before, after) in enumerate(pairwise(values)):
        if before is not None and after is not None and after >= before and number not in unknown:
            known += 1
            total += after - before
    return known, total


def _went_on(elapsed_s: int, before: Any, after: Any) -> bool:
    """A device that went on has the uptime it had and the time between; after a restart it has less."""
    if elapsed_s > LONGEST_SILENCE_S:
        return False
    if before is None or after is None:
        return True
    missing_s = int(before + elapsed_s - after)
    return missing_s <= SLACK_S or abs(missing_s - UPTIME_WRAP_S) <= SLACK_S
