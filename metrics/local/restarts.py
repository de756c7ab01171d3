"""When devices began anew: a radio's counters do so with their device, and have no uptime of their own."""

from collections.abc import Iterator, Mapping
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.local.counters import SLACK_S
from metrics.local.levels import DAY_S
from metrics.local.readings import readings
from metrics.local.store import LocalStore
from metrics.local.summing import UPTIME
from metrics.sink import Window

_OF: Final = "wifi_ap"
_AP: Final = MEASUREMENTS[_OF].tags.index("ap")


def restarts(store: LocalStore, window: Window) -> Mapping[str, list[int]]:
    """By the tag `ap`, the times of the first samples after each restart within the window."""
    found: dict[str, list[int]] = {}
    births: dict[str, int] = {}
    for part in by_day(window):
        with readings(store, _OF, part.start, (UPTIME,)) as of_day:
            young = sorted(
                (time, tags[_AP], uptime) for tags, time, uptime in of_day.young(part, window.start)
            )
        for time, ap, uptime in young:
            birth = time - uptime
            if birth - births.get(ap, 0) > SLACK_S:
                found.setdefault(ap, []).append(time)
            births[ap] = birth
    return found


def by_day(window: Window) -> Iterator[Window]:
    """The parts of a window that lie in one UTC day each, oldest first."""
    start = window.start
    while start < window.end:
        end = min(window.end, (start // DAY_S + 1) * DAY_S)
        yield Window(start, end)
        start = end
