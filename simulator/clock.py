"""The model's time: seconds since the epoch that never go backwards."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    """The wall clock of this moment, then the monotonic one: a clock step cannot turn a counter back."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()
