"""The nightly sweep of a fleet that nobody changed: `python -m bench.apply.sweeps JSON` in its desk's folder.

First with a login for each look, by the worker's own Sweeper, night after night; then over logins that are
open already, each device in its turn again. What the first look of all costs, which judges each device for
the first time, is not counted; of the others the cheapest night counts, because noise only ever adds.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from bench.apply.desk import FOLDER
from bench.apply.lifetime import given
from bench.poll.meter import cpu_s, open_many_files, told
from controller import drift, rollout
from controller import settings as settings_file
from controller.app import App, build
from controller.drift import State, Sweep
from controller.sweeper import BATCH, Sweeper
from drivers.ssh_kept import Kept

LOGIN: Final = "a login each"
KEPT: Final = "over kept connections"
_FIRST: Final = datetime(2027, 1, 11, 10, 50, tzinfo=UTC)
"""Late in a night of Chihuahua, when every device is due."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many looks, each device in its turn."""

    looks: int

    def text(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Figures:
    """So many looks; `same` of them found what was known. `cpu_ms` is of one look in the cheapest night."""

    way: str
    looks: int
    same: int
    cpu_ms: float
    wall_s: float


def main(wanted: Wanted) -> None:
    """Tell the figures of both ways, a line for each."""
    app = build(settings_file.load({}, FOLDER))
    each = len(app.inventory.devices)
    nights = range(1, max(1, round(wanted.looks / each)) + 1)
    for way, night in ((LOGIN, _with_logins(app)), (KEPT, _kept(app))):
        night(0)
        used, same, started_s = [cpu_s()], 0, time.perf_counter()
        for number in nights:
            same += night(number)
            used.append(cpu_s())
        cheapest = min(after - before for before, after in pairwise(used))
        found = Figures(
            way, len(nights) * each, same, cheapest / each * 1000, time.perf_counter() - started_s
        )
        told(asdict(found))


def _with_logins(app: App) -> Callable[[int], int]:
    """A night of the worker's own sweep; how many devices it found as known."""
    now = [_FIRST]
    sweeper = Sweeper(app, lambda: now[0])

    def night(number: int) -> int:
        now[0] = _FIRST + timedelta(days=number)
        for _ in range(0, len(app.inventory.devices), BATCH):
            sweeper.turn()
        found = drift.findings(app.engine, app.inventory.devices.values()).values()
        return sum(one.state is State.SAME and one.checked_at == now[0].timestamp() for one in found)

    return night


def _kept(app: App) -> Callable[[int], int]:
    """The same looks in logins that stay open."""
    devices, works = list(app.inventory.devices.values()), rollout.works_of(app)
    kept = Kept(idle_s=3600, most=len(devices))
    sweep = Sweep(works, lambda device: kept.session(device, lambda: works.access.enter(device)))

    def night(_number: int) -> int:
        batches = (devices[first : first + BATCH] for first in range(0, len(devices), BATCH))
        return sum(one.state is State.SAME for batch in batches for one in sweep.look(batch))

    return night


if __name__ == "__main__":
    open_many_files()
    main(Wanted(**given(sys.argv[1])))
