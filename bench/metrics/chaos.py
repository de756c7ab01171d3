"""Part "chaos": a server and its controller are killed and return; what was handed over is counted there."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.metrics.chaos_child import MINUTE_S
from bench.metrics.goals import BATCHING_LOSES, DOWN_S, KILLS, NONE
from bench.metrics.places import place
from bench.metrics.servers import DATABASE, Influxd, door
from bench.poll import machine
from bench.poll.child import ClientFailed
from bench.portal.goals import Figure
from metrics.influx import InfluxSink
from metrics.sink import Window

APS: Final = 500
_LASTS_S: Final = 45.0
_DRAINS_WITHIN_S: Final = 400.0

# Seconds from the beginning: what happens then.
_SCRIPT: Final = (
    (5.0, "server dies"),
    (10.0, "controller dies"),
    (12.0, "server returns"),
    (20.0, "controller dies"),
    (28.0, "server dies"),
    (31.0, "controller dies"),
    (33.5, "server returns"),
)
KILLED: Final = sum("dies" in what for _, what in _SCRIPT)


def part(rounds: int) -> tuple[Figure, ...]:
    """The same script with our store and forwarder, and with influxdb-client's batching."""
    ours, theirs = _play("store"), _play("batching")
    down_s = sum(at if "returns" in what else -at for at, what in _SCRIPT if "server" in what)
    return (
        Figure("kills", KILLED, "", KILLS, "kill -9 of InfluxDB twice, of the controller three times"),
        Figure("server down", down_s, "s", DOWN_S),
        Figure("points missing, ours", ours.missing, "", NONE, ours.details),
        Figure("missing, ours", ours.share, "%"),
        Figure("missing, influxdb-client's batching", theirs.share, "%", BATCHING_LOSES, theirs.details),
    )


class _Run:
    def __init__(self, minutes: Sequence[int], found: int) -> None:
        self.handed = len(minutes) * APS
        self.missing = max(0, self.handed - found)
        self.share = 100 * self.missing / self.handed
        self.details = f"{self.missing:,} of {self.handed:,} points that were handed over"


def _play(mode: str) -> _Run:
    directory = place(f"metrics-chaos-{mode}")
    server = Influxd(directory / "influxd")
    with door(server.url) as v2:
        server.start()
        told = directory / "minutes"
        until = time.time() + _LASTS_S
        command = [mode, str(directory / "data"), v2 if mode == "batching" else server.url]
        try:
            _follow(server, [*command, str(APS), str(until)], told)
            minutes = sorted({int(line) for line in told.read_text().split("\n")[:-1]})
            return _Run(minutes, _found(server.url, minutes))
        finally:
            server.kill()


def _follow(server: Influxd, arguments: Sequence[str], told: Path) -> None:
    """Play the script; returns when the last controller is done."""
    begun = time.monotonic()
    controller = _controller(arguments, told)
    try:
        for at_s, what in _SCRIPT:
            time.sleep(max(0.0, begun + at_s - time.monotonic()))
            if what == "server dies":
                server.kill()
            elif what == "server returns":
                server.start()
            else:
                controller.kill()
                controller.wait()
                controller = _controller(arguments, told)
        if controller.wait(_DRAINS_WITHIN_S) != 0:
            raise ClientFailed(f"the controller of {arguments[0]} ended with {controller.returncode}")
    finally:
        controller.kill()
        controller.wait()


def _controller(arguments: Sequence[str], told: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.metrics.chaos_child", *arguments]
    with told.open("ab") as out:
        return subprocess.Popen(command, stdout=out, cwd=machine.REPOSITORY)


def _found(url: str, minutes: Sequence[int]) -> int:
    """Points of the minutes that were handed over, as the server counts them."""
    sink = InfluxSink("count", url, "", "", DATABASE, "v1")
    window = Window(minutes[0], minutes[-1] + MINUTE_S)
    handed = set(minutes)
    points = sum(number for cell, number in sink.tally(window).items() if cell.minute in handed)
    sink.close()
    return points
