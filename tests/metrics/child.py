"""A controller-side process for kill tests: writes slots into a store, says so on stdout, and feeds a sink.

    python -m tests.metrics.child DIRECTORY APS SECONDS_BETWEEN_WRITES [DIALECT URL SETTLE_S]

Its first slot follows the newest in the store. A number on stdout is the time of a slot that is on the disk.
When its stdin ends it stops writing, lets the sink catch up, and exits.
"""

import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from metrics.forward import Forwarder, progress
from metrics.influx import InfluxSink
from metrics.local.store import LocalStore
from tests.metrics.samples import slot

FIRST_SLOT = 1_795_392_000 - 150  # so that the slots soon go over midnight


def newest(store: LocalStore) -> int:
    samples = store.latest("wifi_ap", 0)
    return max((sample.time for sample in samples), default=FIRST_SLOT - 10)


def watch_stdin(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    directory, aps, pause_s, *sink_of = sys.argv[1:]
    store = LocalStore.open(Path(directory))
    stop, stdin_ended = threading.Event(), threading.Event()
    threading.Thread(target=watch_stdin, args=(stdin_ended,), daemon=True).start()
    if sink_of:
        dialect, url, settle_s = sink_of
        sink = InfluxSink("sink", url, "", "", "plaza", dialect, timeout_s=5.0, settle_s=float(settle_s))
        forwarder = Forwarder(store, sink, lambda: datetime.now(UTC))
        threading.Thread(target=forwarder.run, args=(stop,), daemon=True).start()
    time_s = newest(store)
    while not stdin_ended.wait(float(pause_s)):
        time_s += 10
        store.write("child", slot(time_s, int(aps)))
        sys.stdout.write(f"{time_s}\n")
        sys.stdout.flush()
    while sink_of and progress(store, "sink").lag_batches:
        time.sleep(0.1)
    stop.set()
    store.close()


if __name__ == "__main__":
    main()
