"""How much a device's counters grew between two readings, when that can be known."""

from collections.abc import Sequence
from typing import Any, Final

# A growth over a longer silence belongs to no hour, and further back nobody looks.
LONGEST_SILENCE_S: Final = 3_600
# A sample bears its slot's time; the poll may come late in the slot, and the device's clock may drift.
SLACK_S: Final = 60
# SNMPv2-MIB sysUpTime counts hundredths of a second in 32 bits: it begins again after 497 days of running.
UPTIME_WRAP_S: Final = 2**32 // 100

# time, uptime_s and then the counters; all but the time may be None
Reading = Sequence[Any]


class Growths:
    """Adds up what one device's `counters` counters grew, and over how many known intervals."""

    __slots__ = ("known", "total")

    def __init__(self, counters: int) -> None:
        self.known = [0] * counters
        self.total = [0] * counters

    def add(self, before: Reading, after: Reading) -> None:
        """One interval: after a restart, a step back or a long silence it is a gap, never a spike."""
        if not _went_on(before, after):
            return
        for index in range(len(self.known)):
            was, now = before[2 + index], after[2 + index]
            if was is not None and now is not None and now >= was:
                self.known[index] += 1
                self.total[index] += now - was


def _went_on(before: Reading, after: Reading) -> bool:
    """A device that went on has the uptime it had and the time between; after a restart it has less."""
    elapsed_s = after[0] - before[0]
    if elapsed_s > LONGEST_SILENCE_S:
        return False
    if before[1] is None or after[1] is None:
        return True
    missing_s = int(before[1] + elapsed_s - after[1])
    return missing_s <= SLACK_S or abs(missing_s - UPTIME_WRAP_S) <= SLACK_S
