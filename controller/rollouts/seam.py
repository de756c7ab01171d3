"""What the parts of a rollout say to each other: who is in it, its waves, its evidence and its works."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from controller.journal import Row
from drivers.facts import Facts
from drivers.model import Device


class Kind(StrEnum):
    """What a rollout does to a device."""

    CONFIGURE = "configure"
    FIRMWARE = "firmware"


class Phase(StrEnum):
    """Where a rollout stands: `halted` by itself, `paused` and `aborted` by a person; the last two end it."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    ABORTED = "aborted"
    DONE = "done"


class Asked(StrEnum):
    """What is looked at between two waves."""

    CLIENTS = "clients"  # against the same hour of earlier days
    UPLINK = "uplink"
    PROBE = "probe"  # what a citizen would meet


@dataclass(frozen=True, slots=True)
class Policy:
    """How a rollout goes on.

    After the canaries come the cumulative `shares` of all devices. It halts once `stop_number` devices
    failed, or `stop_percent` of those that ended, counted from the fifth on; 0 switches one of the two off.
    `soak_s` passes after a wave before its evidence counts, and `patience_s` more until there is some.
    `parallel` devices are changed at once, each of another site. Who cannot be reached is tried again after
    `retry_first_s`, then twice as long, at most `retry_most_s`, until `give_up_s` after the start.
    A person said that what is in `without` may be missing. Firmware: the `image` by its sha256, and what its
    way to a site may use (`kbps` kbit/s; 0 is by each site's uplink).
    """

    shares: tuple[float, ...] = (0.05, 0.25, 1.0)
    stop_number: int = 3
    stop_percent: float = 10.0
    soak_s: int = 600
    patience_s: int = 600
    parallel: int = 16
    retry_first_s: int = 600
    retry_most_s: int = 43_200
    give_up_s: int = 14 * 86_400
    without: frozenset[Asked] = frozenset()
    image: str = ""
    kbps: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A device of the frozen list; `parent` and `link` as in the inventory, whether in the list or not."""

    device: str
    site: str
    model: str
    parent: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What is changed as one: a device, or both ends of a radio link with the far end first."""

    devices: tuple[str, ...]
    site: str


@dataclass(frozen=True, slots=True)
class Wave:
    """Groups that are changed before the next look at the evidence, in this order; `name` is for a person."""

    name: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One look at a site after a wave: `good` None is no evidence, which holds a rollout as bad does."""

    site: str
    asked: Asked
    good: bool | None
    said: str


Look = Callable[[str, int], Sequence[Evidence]]
"""(site, epoch seconds of its last change) → an Evidence of each Asked; raises nothing of its faults."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found before anything is changed; `trouble` "" where nothing speaks against it.

    `facts` None: it was not reached, which is no trouble: it is pending. `left_alone`: why this work does not
    concern it. `wanted` is the digest of what it is to become, to which the rollout holds. `diff` is for a
    person, "" where nothing is to be done. `cautions` are what a person must know of it; `typed`: nothing on
    the device undoes the change, so that its name has to be typed.
    """

    device: str
    facts: Facts | None
    trouble: str = ""
    left_alone: str = ""
    wanted: str = ""
    diff: str = ""
    cautions: tuple[str, ...] = ()
    typed: bool = False


Fits = Callable[[float], bool]
"""Whether what begins now and may last so many seconds ends before the maintenance window does."""

Tell = Callable[[Row], None]
"""Told of every row after it is durable and before the act that it announces."""


class Work(Protocol):
    """What is done to each device. Both methods that change one write a journal row before each remote act.

    They return when nothing is open any more or nothing can be known now, and raise nothing of a device's
    faults: those are in the rows, which are in the journal. A row that was not begun may come back `pending`
    (not reached), `held` (what it was planned for has changed), `skipped` (nothing to do), or as it was given
    where it does not fit its window or NotBegun says that its rollout was stopped meanwhile.
    """

    @property
    def kind(self) -> Kind:
        """Its name in the store."""
        ...

    def preflight(self, device: Device) -> Preflight:
        """Look at one device and change nothing: login, facts, free flash, others' pending changes, drift."""
        ...

    def carry_out(self, rows: Sequence[Row], fits: Fits, tell: Tell) -> tuple[Row, ...]:
        """Change the devices of one group, as one."""
        ...

    def resume(self, rows: Sequence[Row], tell: Tell) -> tuple[Row, ...]:
        """End what another process left open (states of journal.OPEN), asking each device once.

        Where that process died in the middle and the device is as before, its row is `planned` again.
        """
        ...
