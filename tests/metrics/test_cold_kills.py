"""Whoever makes a day cold is killed at any moment, while samples are written: each point is there once."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metrics.local.cold import generations
from metrics.local.repair_check import faults
from metrics.local.retention import Terms, cool, retain
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics.samples import ap, slot

DAY = "2026-11-22"
BEGIN = 1_795_305_600
ALL = Window(0, 2**33)
NOW = BEGIN + 9 * 86_400

# Makes the day cold again and again, each time with something new in it, and tells of each new point.
PROGRAM = f"""
import sys
from pathlib import Path
from metrics.local.retention import cool
from metrics.local.store import LocalStore
from tests.metrics.samples import ap
store = LocalStore.open(Path(sys.argv[1]))
time = int(sys.argv[2])
while True:
    store.write("late", [ap(time, "late", clients=time % 1000)])
    sys.stdout.write(f"{{time}}\\n")
    sys.stdout.flush()
    cool(store, "{DAY}", {NOW}, (), lambda *_: True)
    time += 1
"""


def killed(directory: Path, first: int, after_s: float) -> list[int]:
    """The points that one run acknowledged before it was killed."""
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(directory), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout is not None
    lines = [run.stdout.readline()]
    time.sleep(after_s)  # the moment is meant to be any
    run.kill()
    lines += run.stdout.read().splitlines(keepends=True)
    run.wait()
    run.stdout.close()
    return [int(line) for line in lines if line.endswith("\n")]


def rounds(store: LocalStore, number: int, chance: random.Random) -> None:
    for minute in range(0, 120, 10):
        store.write("poller", [one for at in range(10) for one in slot(BEGIN + 60 * (minute + at), 20)])
    before = dict(store.counts(ALL))
    acknowledged: set[int] = set()
    for _ in range(number):
        following = max(acknowledged, default=BEGIN + 40_000) + 1
        acknowledged |= set(killed(Path(store.shelf.place), following, chance.uniform(0, 0.4)))
        late = store.read("wifi_ap", ALL, {"ap": "late"})
        times = [sample.time for sample in late]
        assert len(times) == len(set(times))
        assert acknowledged <= set(times)
        assert all(sample.fields == {"clients": sample.time % 1000} for sample in late)
        assert store.counts(ALL) == before | {"wifi_ap": before["wifi_ap"] + len(times)}
    store.write("late", [ap(BEGIN + 50_000, "last")])
    assert cool(store, DAY, NOW, (), lambda *_: True)
    assert store.days() == []
    assert len(generations(store.shelf.names())[DAY]) == 1
    assert store.counts(ALL)["wifi_ap"] == before["wifi_ap"] + len(times) + 1
    assert list(faults(store)) == []
    retain(store, NOW, Terms(48, 30), (), lambda *_: True)
    assert [path.name for path in Path(store.shelf.place).iterdir() if path.name.startswith(".")] == []


def test_kill_9_while_a_day_is_made_cold_loses_nothing_and_doubles_nothing(store: LocalStore) -> None:
    rounds(store, 5, random.Random(9))


@pytest.mark.soak
def test_kill_9_at_a_hundred_moments(store: LocalStore) -> None:
    rounds(store, 100, random.Random())
