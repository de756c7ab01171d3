"""The only clock a gateway trusts: seconds since this boot, and which boot that was."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
BOOT_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time of one boot. Moments of two boots cannot be compared."""

    boot: str
    seconds: float

    def stamp(self) -> str:
        """How the portal carries it back to us: `boot:seconds`."""
        return f"{self.boot}:{self.seconds:.3f}"


def read_stamp(text: str) -> Moment:
    """The moment in a stamp. Raises ValueError."""
    boot, _, seconds = text.partition(":")
    if not seconds.replace(".", "", 1).isdecimal():
        raise ValueError("not a stamp")
    return Moment(boot, float(seconds))


class Clock(Protocol):
    """Where the gateway reads its time."""

    def now(self) -> Moment:
        """The present moment of this boot."""
        ...


class KernelClock:
    """CLOCK_BOOTTIME and the kernel's boot id: a wall clock at 1970 or a day ahead changes neither."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        self._boot = boot_id.read_text().replace("-", "").strip()[:BOOT_DIGITS]

    def now(self) -> Moment:
        """The present moment, which also counts the time a machine was suspended."""
        return Moment(self._boot, time.clock_gettime(time.CLOCK_BOOTTIME))
