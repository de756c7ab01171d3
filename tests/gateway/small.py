"""A small box: a control group of so much memory and of a part of one core, in which a program is run."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests import need

CGROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
FIRST = ("memory", "cpu", "cpuset")
"""The hierarchies of version 1 that are used; version 2 has one."""


@dataclass(frozen=True)
class Files:
    """How a version of control groups names what we set and read (cgroups(7))."""

    limit: str
    peak: str
    quota: str
    killed: str


ONE = Files("memory.limit_in_bytes", "memory.max_usage_in_bytes", "cpu.cfs_quota_us", "memory.oom_control")
TWO = Files("memory.max", "memory.peak", "cpu.max", "memory.events")


@dataclass(frozen=True)
class SmallBox:
    """`places` is the group in each hierarchy, by what it controls."""

    places: dict[str, Path]
    files: Files

    def entering(self, *command: str) -> list[str]:
        """The command, in the group from its first moment on: what it reads is counted too."""
        groups = sorted({str(place / "cgroup.procs") for place in self.places.values()})
        into = "".join(f"echo $$ > {group}; " for group in groups)
        return ["sh", "-ec", f'{into}exec "$@"', "small", *command]

    def slow_down(self, percent: int) -> None:
        """From now on it has so much of its core."""
        share = PERIOD_US * percent // 100
        self._write("cpu", self.files.quota, f"{share} {PERIOD_US}" if self.files is TWO else str(share))

    @property
    def peak_octets(self) -> int:
        """The most memory that it ever had, with what the kernel held on its behalf."""
        return int((self.places["memory"] / self.files.peak).read_text())

    @property
    def killed(self) -> int:
        """How many of its processes the kernel ended because there was no more memory."""
        told = (self.places["memory"] / self.files.killed).read_text().splitlines()
        return int(dict(line.split() for line in told)["oom_kill"])

    @property
    def processes(self) -> list[int]:
        return sorted(int(pid) for pid in (self.places["memory"] / "cgroup.procs").read_text().split())

    def limit(self, octets: int, core: int) -> None:
        self._write("memory", self.files.limit, str(octets))
        swap = "memory.swap.max" if self.files is TWO else "memory.memsw.limit_in_bytes"
        with suppress(FileNotFoundError):  # a kernel that does not count it
            self._write("memory", swap, "0" if self.files is TWO else str(octets))
        self._write("cpuset", "cpuset.mems", "0")
        self._write("cpuset", "cpuset.cpus", str(core))

    def _write(self, controller: str, name: str, text: str) -> None:
        # never made anew: what is not there is not counted here
        with open(os.open(self.places[controller] / name, os.O_WRONLY), "w", encoding="ascii") as file:
            file.write(text)


@contextmanager
def small_box(memory_octets: int) -> Iterator[SmallBox]:
    """It stands for as long, on the last core that we may use; skips where no group can be made."""
    name = f"plaza-small-{os.getpid()}"
    first = (CGROUPS / "memory").is_dir()
    parents = {one: CGROUPS / one if first else CGROUPS for one in FIRST}
    box = SmallBox({one: parent / name for one, parent in parents.items()}, ONE if first else TWO)
    try:
        try:
            if not first:
                (CGROUPS / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in FIRST))
            for place in set(box.places.values()):
                place.mkdir()
            box.limit(memory_octets, max(os.sched_getaffinity(0)))
        except OSError as error:
            need.missing(f"needs control groups that may be written: {error.filename}: {error.strerror}")
        yield box
    finally:
        for place in set(box.places.values()):
            _remove(place)


def _remove(place: Path) -> None:
    until = time.monotonic() + 20
    while place.exists() and time.monotonic() < until:
        with suppress(OSError):  # somebody in it has not ended yet
            place.rmdir()
        time.sleep(0.05)
