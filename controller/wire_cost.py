"""What asking a device costs on the wire, out of the samples its poller keeps."""

from dataclasses import dataclass
from typing import Final

from controller import profiles
from controller.model import Site
from drivers.model import Device
from metrics.local.buckets import buckets
from metrics.local.levels import HOUR_S, Span
from metrics.local.store import LocalStore
from metrics.sink import Window

_DAY_S: Final = 86_400
_FIELD: Final = "poll_octets"


@dataclass(frozen=True, slots=True)
class WireCost:
    """Octets of the last poll, of the last 24 h and of a day at the device's pace; None where none is known.

    `interval_s` and `whole_s` are its pace now; `cap_share` is what such days take of the site's monthly cap,
    1.0 being all of it, None without a cap.
    """

    interval_s: int
    whole_s: int
    last_poll: int | None = None
    last_day: int | None = None
    per_day: int | None = None
    cap_share: float | None = None


def wire_cost(store: LocalStore, device: Device, site: Site, normal_s: int, now: int) -> WireCost:
    """Sum up; `now` is epoch seconds, `normal_s` how often devices are asked whose profile says nothing."""
    interval_s = profiles.interval_s(device, normal_s)
    whole_s = interval_s * profiles.whole_every(device, normal_s)
    known, total, last = _counted(store, device.name, now)
    if not known:
        return WireCost(interval_s, whole_s)
    per_day = round(total / known * _DAY_S / interval_s)
    cap_gb = site.uplink.cap_gb
    share = None if cap_gb is None else profiles.share_of_cap(per_day, cap_gb)
    return WireCost(interval_s, whole_s, last, total, per_day, share)


def _counted(store: LocalStore, name: str, now: int) -> tuple[int, int, int | None]:
    """How many polls of the last day were counted, their octets, and those of the last one."""
    since = (now - _DAY_S) // HOUR_S * HOUR_S + HOUR_S
    known, total = 0, 0
    for hour in buckets(store, "wifi_ap", Span.HOUR, Window(since, now), ("ap",), {"ap": name}):
        since = max(since, hour.start + HOUR_S)
        if _FIELD in hour.figures:
            known += hour.figures[_FIELD].known
            total += int(hour.figures[_FIELD].total)
    recent = [
        int(sample.fields[_FIELD])
        for sample in store.read("wifi_ap", Window(since, now + HOUR_S), {"ap": name})
        if _FIELD in sample.fields
    ]
    return known + len(recent), total + sum(recent), recent[-1] if recent else None
