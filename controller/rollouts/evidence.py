"""Looks at a site after a wave: clients, uplink, what a citizen meets. Unknown is None, never good."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import mean, median
from typing import Final
from zoneinfo import ZoneInfo

from controller import probing
from controller.app import App
from controller.health import State, polled
from controller.model import Hours, Site
from controller.rollouts.seam import Asked, Evidence, Look
from controller.store import health
from controller.store.health import Standing
from drivers.model import Device
from drivers.probe.report import Finding, works
from metrics.errors import MetricsError
from metrics.local.buckets import Bucket, buckets
from metrics.local.levels import DAY_S, HOUR_S, Span
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

EARLIER_DAYS: Final = 14
LEAST_DAYS: Final = 5
FEW: Final = 5.0
"""Where fewer clients are usual, their absence says nothing."""
ENOUGH, TOO_FEW = 0.5, 0.25
"""Shares of what is usual: from the one on all is well, below the other something is wrong."""
RECENT_S: Final = HOUR_S
NEWEST: Final = 5
"""So many samples of an access point since the change, and not older than RECENT_S, are its clients of now:
those that a restart sent away had the time to come back.
"""
OLD_FAULT_S: Final = DAY_S
"""What had failed for so long before the change was not done by it."""

Visit = Callable[[Site], Sequence[Finding]]
"""Probes a site afresh."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Clients of these access points in the same local hour of earlier days, the mean of each hour."""

    aps: frozenset[str]
    days: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median: one festival or one power cut moves nothing."""
        return median(self.days)


@dataclass(frozen=True, slots=True)
class Seen:
    """A device as the health table has it; None when it was never polled."""

    device: str
    standing: Standing | None


Judged = tuple[bool | None, str]
"""Good, bad or unknown, and why in words."""


def look_of(app: App, clock: Callable[[], datetime], visit: Visit | None = None) -> Look:
    """The look of this controller; `visit` is the citizen probe unless another is given."""
    return partial(_look, app, clock, visit or partial(_probe, app, clock))


def _look(app: App, clock: Callable[[], datetime], visit: Visit, site: str, since: int) -> list[Evidence]:
    place = app.inventory.sites[site]
    now = int(clock().timestamp())
    looks: dict[Asked, Callable[[], Judged]] = {
        Asked.CLIENTS: lambda: _clients(app.samples, place, since, now),
        Asked.UPLINK: lambda: _uplink(app, site, since, now),
        Asked.PROBE: lambda: _citizen(app, place, visit, clock),
    }
    return [Evidence(site, asked, *_judged(look)) for asked, look in looks.items()]


def _judged(look: Callable[[], Judged]) -> Judged:
    try:
        return look()
    except MetricsError as error:
        return None, f"the samples cannot be read: {error}"


# Clients


def _clients(store: LocalStore, site: Site, since: int, now: int) -> Judged:
    window = Window(max(since, now - RECENT_S), now + 1)
    present = present_clients(store.read("wifi_ap", window, {"site": site.key}))
    if not present:
        return None, "nobody has counted clients since the change"
    starts = earlier_hours(site.hours, now)
    if not starts:
        return None, "on no earlier day was the site open, or closed, as now"
    span = Window(min(starts), max(starts) + 1)
    derived = buckets(store, "wifi_ap", Span.HOUR, span, ("ap",), {"site": site.key})
    return judge_clients(present, usual(derived, starts, present.keys()))


def present_clients(samples: Iterable[Sample]) -> dict[str, float]:
    """The clients of each access point that told them, the mean of its newest samples; oldest given first."""
    counted: dict[str, list[float]] = {}
    for sample in samples:
        if "clients" in sample.fields:
            counted.setdefault(sample.tags["ap"], []).append(sample.fields["clients"])
    return {ap: mean(several[-NEWEST:]) for ap, several in counted.items()}


def earlier_hours(open_hours: Hours, now: int) -> list[int]:
    """When the same local hour began on each earlier day that was then open, or closed, as it is now."""
    zone = ZoneInfo(open_hours.zone)
    local = datetime.fromtimestamp(now, zone)
    serves = open_hours.open_at(local)
    same = (
        (local - timedelta(days=back)).replace(minute=0, second=0, microsecond=0)
        for back in range(1, EARLIER_DAYS + 1)
    )
    return [
        int(moment.timestamp()) // HOUR_S * HOUR_S
        for moment in same
        if open_hours.open_at(moment.replace(minute=local.minute)) == serves
    ]


def usual(derived: Iterable[Bucket], starts: Sequence[int], aps: Iterable[str]) -> Usual:
    """What is usual in the hours that begin at `starts`, for those access points that are known long enough.

    An hour with less than half its samples is not known, and a day on which one of them is not known is no
    day of the baseline: a sum without it is another sum.
    """
    days: dict[int, dict[str, float]] = {start: {} for start in starts}
    for hour in derived:
        figure = hour.figures.get("clients")
        if hour.start in days and figure and figure.known * 2 >= hour.expected:
            days[hour.start][hour.tags["ap"]] = figure.mean
    known = frozenset(ap for ap in aps if sum(ap in day for day in days.values()) >= LEAST_DAYS)
    whole = (day for day in days.values() if known and known <= day.keys())
    return Usual(known, tuple(sum(day[ap] for ap in known) for day in whole))


def judge_clients(present_of: Mapping[str, float], earlier: Usual) -> Judged:
    """Clients against those of earlier days. Little is usual, or few days are known: that says nothing."""
    if len(earlier.days) < LEAST_DAYS:
        return None, f"this hour is known of fewer than {LEAST_DAYS} earlier days"
    present = sum(present_of[ap] for ap in earlier.aps)
    middle = earlier.middle
    said = f"{_clients_said(present)}, {middle:.0f} are usual at this hour"
    if present >= max(1.0, middle * ENOUGH):
        return True, said
    if middle < FEW:
        return None, f"{said}: too few to tell"
    if present >= middle * TOO_FEW:
        return None, f"{said}: fewer, and not so few that something must be wrong"
    as_low = sum(day <= present for day in earlier.days)
    if as_low:
        return None, f"{said}: as few as on {as_low} of {len(earlier.days)} earlier days"
    return False, f"{said}: too few"


def _clients_said(number: float) -> str:
    return "1 client" if round(number) == 1 else f"{number:.0f} clients"


# Uplink


def _uplink(app: App, site: str, since: int, now: int) -> Judged:
    devices = [device for device in app.inventory.devices.values() if device.site == site and polled(device)]
    seen = [Seen(device.name, health.standing(app.engine, device.name)) for device in devices]
    judged = judge_health(seen, since)
    if judged[0] is False:
        return judged
    modems = judge_modems(_modems(app.samples, devices, now), since)
    return _worst((judged, modems)) if modems else judged


def judge_health(seen: Sequence[Seen], since: int) -> Judged:
    """Every polled device of the site, as a poll after the change found it; old faults are not counted."""
    old = [each for each in seen if _old_fault(each.standing, since)]
    judged = [_device(each, since) for each in seen if each not in old]
    if not judged:
        return None, "no device of the site answers since long" if old else "no device of the site is polled"
    good, said = _worst(judged)
    return good, said + "".join(f", {each.device} does not work since long" for each in old)


def _old_fault(standing: Standing | None, since: int) -> bool:
    failed = standing is not None and standing.verdict.state in {State.DOWN, State.DEGRADED}
    return failed and standing is not None and standing.since < since - OLD_FAULT_S


def _device(seen: Seen, since: int) -> Judged:
    standing = seen.standing
    if standing is None or standing.checked_at <= since:
        return None, f"{seen.device} was not polled since the change"
    verdict = standing.verdict
    if verdict.state is State.UP:
        return True, f"{seen.device} is up"
    if verdict.state is State.UNKNOWN:
        return None, f"{seen.device}: {verdict.reason}"
    return False, f"{seen.device} is {verdict.state}: {verdict.reason}"


def _modems(store: LocalStore, devices: Iterable[Device], now: int) -> Iterator[Sample]:
    names = {device.name for device in devices}
    for sample in store.latest("uplink", now - DAY_S):
        if sample.tags["ap"] in names and "connected" in sample.fields:
            yield sample


def judge_modems(samples: Iterable[Sample], since: int) -> Judged | None:
    """The newest measurement of each modem that was measured within a day; None where there is no modem."""
    judged = [_modem(sample, since) for sample in samples]
    return _worst(judged) if judged else None


def _modem(sample: Sample, since: int) -> Judged:
    name = f"{sample.tags['ap']} ({sample.tags['link']})"
    if sample.time < since:
        return None, f"the uplink of {name} was not measured since the change"
    if sample.fields["connected"] == 0:
        return False, f"the uplink of {name} carries no data"
    return True, f"the uplink of {name} carries data"


def _worst(judged: Sequence[Judged]) -> Judged:
    """Bad before unknown before good, with the words of all that are so."""
    for verdict in (False, None):
        said = [why for good, why in judged if good is verdict]
        if said:
            return verdict, ", ".join(said)
    return True, ", ".join(why for _, why in judged)


# The citizen probe


def _citizen(app: App, site: Site, visit: Visit, clock: Callable[[], datetime]) -> Judged:
    if not site.probe:
        return None, f"no probe can run there: sites.{site.key}.probe is not written"
    found = visit(site)
    probing.keep(app.engine, site.key, found, int(clock().timestamp()))
    return works(found), probing.said(found)


def _probe(app: App, clock: Callable[[], datetime], site: Site) -> Sequence[Finding]:
    with closing(probing.visit(probing.errand(app, site, int(clock().timestamp())))) as findings:
        return list(findings)
