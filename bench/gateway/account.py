"""CPU of a program with all that it starts, waited for or not: in a control group's own book (cgroups(7))."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.poll.peer import Missing

_FIRST: Final = Path("/sys/fs/cgroup/cpuacct")
_SECOND: Final = Path("/sys/fs/cgroup")
_GONE_S: Final = 20.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Account:
    """The group of a program; what it has used before it is entered is not counted."""

    place: Path

    def enter(self, pid: int) -> None:
        """Count this process from now on, and what it starts from now on."""
        (self.place / "cgroup.procs").write_text(str(pid))

    def cpu_s(self) -> float:
        """CPU seconds, user's and the kernel's on their behalf."""
        nanoseconds = self.place / "cpuacct.usage"
        if nanoseconds.exists():
            return int(nanoseconds.read_text()) / 1e9
        fields = dict(line.split() for line in (self.place / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6


@contextmanager
def account(name: str) -> Iterator[Account]:
    """An empty group; whoever is in it must have ended when it is left. Raises Missing."""
    place = _parent() / name
    try:
        place.mkdir()
    except OSError as error:
        raise Missing(f"a control group to count CPU in: {place}: {error.strerror}") from error
    try:
        yield Account(place)
    finally:
        _remove(place)


def packets_s(core: int | None = None) -> float:
    """Seconds that the kernel spent on packets (soft interrupts) since boot, on this core or on all.

    Taken from samples (proc(5)), and part of it is in the accounts of whoever was interrupted.
    """
    name = "cpu" if core is None else f"cpu{core}"
    for line in Path("/proc/stat").read_text().splitlines():
        label, *numbers = line.split()
        if label == name:
            return int(numbers[6]) / _TICKS_PER_S
    raise ValueError(f"/proc/stat has no {name}")


def _parent() -> Path:
    if (_FIRST / "cpuacct.usage").exists():
        return _FIRST
    if (_SECOND / "cgroup.controllers").exists():
        return _SECOND
    raise Missing("control groups to count CPU in: mount cgroup2 at /sys/fs/cgroup")


def _remove(place: Path) -> None:
    until_s = time.monotonic() + _GONE_S
    while place.exists() and time.monotonic() < until_s:
        with suppress(OSError):  # somebody in it has not ended yet
            place.rmdir()
        time.sleep(0.05)
