"""Part "encoder": samples to line protocol, ours and influxdb-client's Point."""

import time

from bench.metrics import points
from bench.metrics.goals import ENCODER_OVER_POINT
from bench.metrics.town import Town
from bench.portal.goals import Figure
from metrics.line_protocol import encode

_APS = 3_000
_MINUTES = 4


def part(rounds: int) -> tuple[Figure, ...]:
    """CPU seconds for 100,000 samples of twelve fields; the least of the rounds, in turns."""
    town = Town(_APS)
    minutes = [town.minute() for _ in range(_MINUTES)]
    ours, theirs = [], []
    for _ in range(rounds):
        begun = time.process_time()
        for minute in minutes:
            encode(minute)
        ours.append(time.process_time() - begun)
        begun = time.process_time()
        for _line in points.lines(minutes[0]):
            pass
        theirs.append(time.process_time() - begun)
    mine = min(ours) / (_APS * _MINUTES) * 1e5
    other = min(theirs) / _APS * 1e5
    return (
        Figure("encoder, 100,000 samples", mine, "CPU s", details=f"the least of {rounds}"),
        Figure("influxdb-client's Point, the same", other, "CPU s", details=f"the least of {rounds}"),
        Figure("Point over ours", other / mine, "x", ENCODER_OVER_POINT),
    )
