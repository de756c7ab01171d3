"""Part "readers": three processes read the store while another writes it."""

import json
import subprocess
import sys
import time
from typing import Any

from bench.metrics.goals import NONE
from bench.metrics.places import place
from bench.metrics.town import START, Town
from bench.poll import machine
from bench.portal.goals import Figure
from metrics.local.store import LocalStore

_APS = 3_000
_READERS = 3
_FOR_S = 20.0
_QUICK_S = 8.0
_QUICK = 2
_PERCENTILE = 0.99

_READER = """
import json, sys, time
from pathlib import Path
from metrics.local.store import LocalStore
from metrics.errors import MetricsError
from metrics.sink import Window
store, start, end = LocalStore.open(Path(sys.argv[1])), int(sys.argv[2]), time.time() + float(sys.argv[3])
ap, took, errors = sys.argv[4], [], 0
while time.time() < end:
    begun = time.perf_counter()
    try:
        found = store.latest("wifi_ap", start)
        store.read("wifi_ap", Window(start, start + 86_400), {"ap": ap})
        errors += len(found) % int(sys.argv[5]) != 0
    except MetricsError as error:
        sys.stderr.write(f"{error}\\n")
        errors += 1
    took.append(time.perf_counter() - begun)
print(json.dumps({"took": took, "errors": errors}))
"""


def part(rounds: int) -> tuple[Figure, ...]:
    """Each reads the latest of all and a day of one access point, over and over; torn answers are errors."""
    lasts = _QUICK_S if rounds <= _QUICK else _FOR_S
    directory = place("metrics-readers")
    store = LocalStore.open(directory)
    town = Town(_APS)
    store.write("poller", town.minute())
    command = [sys.executable, "-c", _READER, str(directory), str(START), str(lasts), town.tags[7]["ap"]]
    readers = [
        subprocess.Popen([*command, str(_APS)], stdout=subprocess.PIPE, text=True, cwd=machine.REPOSITORY)
        for _ in range(_READERS)
    ]
    written, waits, end = 1, [], time.monotonic() + lasts
    while time.monotonic() < end:
        minute = town.minute()
        begun = time.perf_counter()
        store.write("poller", minute)
        waits.append(time.perf_counter() - begun)
        written += 1
    said: list[dict[str, Any]] = [json.loads(reader.communicate()[0]) for reader in readers]
    store.close()
    took = sorted(one for reader in said for one in reader["took"])
    slow = took[int(len(took) * _PERCENTILE)]
    details = f"{len(took)} reads by {_READERS} processes beside {written} slots of {_APS} access points"
    return (
        Figure("errors of readers", sum(reader["errors"] for reader in said), "", NONE, details),
        Figure("p99 of a read", slow * 1e3, "ms", details="both questions, on a busy machine"),
        Figure("longest write", max(waits) * 1e3, "ms"),
    )
