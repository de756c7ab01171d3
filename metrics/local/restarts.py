"""When devices began anew: a radio's counters do so with their device, and have no uptime of their own."""

from typing import Final, NamedTuple

import numpy as np

from metrics.catalog import MEASUREMENTS
from metrics.local.counters import SLACK_S
from metrics.local.exact import Mask, Numbers, Places, wide
from metrics.local.frames import Frame, Integers, begins
from metrics.local.levels import by_day
from metrics.local.numbering import NOBODY, Numbering
from metrics.local.readings import readings
from metrics.local.store import LocalStore
from metrics.sink import Window

UPTIME: Final = "uptime_s"
_OF: Final = "wifi_ap"
_TAG: Final = "ap"
_AP: Final = MEASUREMENTS[_OF].tags.index(_TAG)
_SHIFT: Final = 40
"""A time has fewer bits."""


class Restarts(NamedTuple):
    """`moments` are a device's number and the time of its first sample after a restart, in one number."""

    devices: dict[str, int]
    moments: Integers

    def of(self, measurement: str, numbering: Numbering) -> Places:
        """The device of each series of a measurement with the tag `ap`; NOBODY where it never began anew."""
        groups = numbering.groups((MEASUREMENTS[measurement].tags.index(_TAG),))
        devices = [self.devices.get(name, NOBODY) for (name,) in groups.tags]
        return np.array([*devices, NOBODY], np.intp)[groups.at]

    def between(self, devices: Places, before: Integers, after: Integers) -> Mask:
        """Whether the device began anew after the one time and not after the other."""
        of = devices.astype(np.int64) << _SHIFT
        earlier = np.searchsorted(self.moments, of | before, "right")
        return earlier < np.searchsorted(self.moments, of | after, "right")


def restarts(store: LocalStore, window: Window) -> Restarts:
    """Those within the window, by the tag `ap` of the samples."""
    devices: dict[str, int] = {}
    young = [_NOBODY]
    for part in by_day(window):
        with readings(store, _OF, part.start, (UPTIME,)) as of_day:
            for frame in of_day.frames(part):
                young.append(_young(frame, of_day.numbering, devices, window.start))
    return Restarts(devices, _moments(np.concatenate(young, axis=1)))


_NOBODY: Final = np.zeros((3, 0), np.int64)


def _young(frame: Frame, numbering: Numbering, devices: dict[str, int], born: int) -> Numbers:
    """Device, time and uptime of the rows by which the device began after that moment."""
    rows = frame.known((UPTIME,))
    uptimes, _ = frame.spread(UPTIME, rows)
    times = frame.times[rows]
    young = uptimes < times - born
    names = [tags[_AP] for tags in numbering.tags(frame.series[rows[young]])]
    numbers = [devices.setdefault(name, len(devices)) for name in names]
    return np.array([np.array(numbers, np.int64), times[young], uptimes[young]])


def _moments(young: Numbers) -> Integers:
    """By its uptime each row says when its device began: later than the one before it."""
    devices, times, uptimes = young[:, np.lexsort((young[2], young[1], young[0]))]
    births = times - wide(uptimes)
    earlier = np.concatenate((np.zeros(1, births.dtype), births))[:-1]
    earlier[begins(devices)] = 0
    anew = (births - earlier > SLACK_S).astype(bool)
    moments: Integers = devices[anew] << _SHIFT | times[anew]
    return moments
