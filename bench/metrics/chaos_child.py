"""A controller for the chaos part: `MODE DIRECTORY URL APS UNTIL`; a minute on stdout was handed over.

Mode `store` writes into the store, from which a forwarder feeds the server; `batching` hands Points to
influxdb-client. Both go on after the last minute that was begun, and end when they are done.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.metrics import points
from bench.metrics.servers import DATABASE
from bench.metrics.town import START, Town
from metrics.forward import Forwarder, progress
from metrics.influx import InfluxSink
from metrics.local.store import LocalStore
from metrics.sample import Sample

MINUTE_S: Final = 60
_PAUSE_S: Final = 0.05


def main(arguments: Sequence[str]) -> None:
    """Be one."""
    mode, directory, url, aps, until = arguments
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    {"store": _store, "batching": _batching}[mode](place, url, int(aps), float(until))


def _store(place: Path, url: str, aps: int, until: float) -> None:
    store = LocalStore.open(place)
    sink = InfluxSink("sink", url, "", "", DATABASE, "v1", timeout_s=5.0)
    stop = threading.Event()
    forwarder = Forwarder(store, sink, lambda: datetime.now(UTC))
    thread = threading.Thread(target=forwarder.run, args=(stop,))
    thread.start()
    _hand_over(place, aps, until, lambda samples: store.write("poller", samples))
    while progress(store, "sink").lag_batches:
        time.sleep(0.1)
    stop.set()
    thread.join()
    store.close()


def _batching(place: Path, url: str, aps: int, until: float) -> None:
    client = points.client(url)
    api = client.write_api(write_options=points.BATCH)
    _hand_over(place, aps, until, lambda samples: api.write(DATABASE, record=list(points.lines(samples))))
    api.close()
    client.close()


def _hand_over(place: Path, aps: int, until: float, give: Callable[[list[Sample]], object]) -> None:
    """A minute after the other; the number of the last that was begun outlives us."""
    counter = place / "begun"
    begun = int(counter.read_text()) if counter.exists() else 0
    town = Town(aps, start=START + begun * MINUTE_S)
    while time.time() < until:
        begun += 1
        counter.write_text(str(begun))
        samples = town.minute()
        give(samples)
        sys.stdout.write(f"{town.time}\n")
        sys.stdout.flush()
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1:])
