"""Part "feed": an hour of a server's absence made good at the server's own speed, and what each side pays."""

import time
from datetime import UTC, datetime

from bench.metrics.goals import FORWARDER_OVER_SERVER, NONE
from bench.metrics.places import place
from bench.metrics.servers import DATABASE, Influxd
from bench.metrics.town import START, Town
from bench.portal.goals import Figure
from metrics.forward import Forwarder
from metrics.influx import InfluxSink
from metrics.local.store import LocalStore
from metrics.sink import Window

_APS = 3_000
_MINUTES = 60
_MINUTES_QUICK = 20
_QUICK = 2
_REST_S = 3.0
"""The server goes on working when it has answered."""


def part(rounds: int) -> tuple[Figure, ...]:
    """A back-fill of InfluxDB 1.6 from the store."""
    minutes = _MINUTES_QUICK if rounds <= _QUICK else _MINUTES
    directory = place("metrics-feed")
    store = LocalStore.open(directory / "store")
    town = Town(_APS)
    for _ in range(minutes):
        store.write("poller", town.minute())
    server = Influxd(directory / "influxd")
    server.start()
    try:
        sink = InfluxSink("influxd", server.url, "", "", DATABASE, "v1")
        forwarder = Forwarder(store, sink, lambda: datetime.now(UTC))
        theirs, ours, begun = server.cpu_s(), time.process_time(), time.monotonic()
        while forwarder.step().lag_batches:
            pass
        took = time.monotonic() - begun
        ours = time.process_time() - ours
        time.sleep(_REST_S)
        theirs = server.cpu_s() - theirs
        window = Window(START, START + minutes * 60)
        missing = sum(store.counts(window).values()) - sum(sink.counts(window).values())
        sink.close()
    finally:
        server.kill()
        store.close()
    points = _APS * minutes
    return (
        Figure("caught up", points / took, "points/s", details=f"{points:,} points in {took:.1f} s"),
        Figure("forwarder, 100,000 points", ours / points * 1e5, "CPU s"),
        Figure("InfluxDB 1.6, the same", theirs / points * 1e5, "CPU s"),
        Figure("forwarder over InfluxDB", ours / theirs, "x", FORWARDER_OVER_SERVER),
        Figure("points missing there", missing, "", NONE),
    )
