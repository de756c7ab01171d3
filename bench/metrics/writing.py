"""Part "write": from the store to a server, ours and influxdb-client's Points with batching."""

import time
from datetime import UTC, datetime

from bench.metrics import points
from bench.metrics.goals import WRITE_OVER_BATCHING
from bench.metrics.places import place
from bench.metrics.servers import DATABASE, swallowing
from bench.metrics.town import Town
from bench.portal.goals import Figure
from metrics.forward import Forwarder, progress
from metrics.influx import InfluxSink
from metrics.local.store import LocalStore

_APS = 3_000
_MINUTES = 8


def part(rounds: int) -> tuple[Figure, ...]:
    """CPU seconds of the client for 100,000 samples, to a server that answers 204."""
    store = LocalStore.open(place("metrics-write"))
    town = Town(_APS)
    minutes = [town.minute() for _ in range(_MINUTES)]
    for minute in minutes:
        store.write("poller", minute)
    ours, theirs = [], []
    with swallowing() as url:
        for number in range(rounds):
            ours.append(_forwarded(store, url, number))
            begun = time.process_time()
            client = points.client(url)
            api = client.write_api(write_options=points.BATCH)
            for minute in minutes[:2]:
                for sample in minute:
                    api.write(DATABASE, record=points.point(sample))
            api.close()
            client.close()
            theirs.append(time.process_time() - begun)
    store.close()
    mine = min(ours) / (_APS * _MINUTES) * 1e5
    other = min(theirs) / (_APS * 2) * 1e5
    return (
        Figure("read, encoded and sent, 100,000 samples", mine, "CPU s", details=f"the least of {rounds}"),
        Figure(
            "influxdb-client, Points and batching, the same",
            other,
            "CPU s",
            details="from memory, batches of 5,000",
        ),
        Figure("Points and batching over ours", other / mine, "x", WRITE_OVER_BATCHING),
    )


def _forwarded(store: LocalStore, url: str, number: int) -> float:
    sink = InfluxSink(f"sink-{number}", url, "", "", DATABASE)
    forwarder = Forwarder(store, sink, lambda: datetime.now(UTC))
    begun = time.process_time()
    while forwarder.step().lag_batches:
        pass
    used = time.process_time() - begun
    sent = progress(store, sink.name).sent_points
    sink.close()
    if sent != _APS * _MINUTES:
        raise AssertionError(f"{sent} points were sent, not {_APS * _MINUTES}")
    return used
