"""What the console's page says of the network, computed from what was read: no clock, no store, no HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from controller.health import State
from controller.model import Inventory, Municipality, Site
from controller.profiles import interval_s
from drivers.model import Device, Lifecycle, PollBy, Role
from metrics.sample import Sample

_TURNS: Final = 3
PROBE_STALE_S: Final = 3 * 3600
"""What a phone met longer ago says nothing of now."""

SEVERITY: Final = {State.UP: 0, State.UNKNOWN: 1, State.DEGRADED: 2, State.DOWN: 3}


class Cause(StrEnum):
    """Where the reason of a state comes from."""

    VERDICT = "verdict"  # the health table says so, in English for technicians
    NO_SAMPLE = "no-sample"  # nobody has measured it
    STALE_SAMPLE = "stale-sample"  # none since `since`
    NO_VERDICT = "no-verdict"  # samples arrive, but nobody judged them
    STALE_VERDICT = "stale-verdict"  # samples arrive, nobody has judged them since `since`


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a state is what it is. `text` is the health table's own words, the last known ones if old."""

    cause: Cause
    text: str = ""
    since: int | None = None


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One row of the health table; times in epoch seconds.

    Two separate facts, None where nobody measured: whether its agent answers, and whether it serves.
    """

    state: State
    reason: str
    since: int
    checked_at: int
    agent: bool | None = None
    service: bool | None = None


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What a citizen would have met at a site: `step` is where a phone gets stuck when it does not work."""

    works: bool | None
    step: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read at `at`: verdicts and fresh `wifi_ap` samples by device, sessions by site."""

    at: int
    verdicts: Mapping[str, HealthRow]
    samples: Mapping[str, Sample]
    running: Mapping[str, int]
    probes: Mapping[str, ProbeRow] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)
    """Devices that may be down now without anybody having to come, and why."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of something are in each state."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.up + self.degraded + self.down + self.unknown


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients associated now: the sum over `measured` of `asked` access points; None if none was."""

    value: int | None
    measured: int
    asked: int


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device; `way` is how it is asked. Only devices in service (active) count in tallies and sums.

    `agent` and `service` are separate facts, None where nobody knows now. `expected` is why it may be down
    without anybody having to come, "" where it may not.
    """

    name: str
    role: Role
    lifecycle: Lifecycle
    state: State
    reason: Reason
    clients: int | None
    sampled_at: int | None
    way: PollBy
    agent: bool | None = None
    service: bool | None = None
    expected: str = ""

    @property
    def counts(self) -> bool:
        """Whether the device is in service, so that its state means something."""
        return self.lifecycle is Lifecycle.ACTIVE


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site with its devices in file order; `citizens` are the portal's running sessions there.

    `probe` is what a citizen would meet there, None where no probe runs or none is fresh; `is_open` whether
    the site serves at this hour.
    """

    key: str
    name: str
    lat: float
    lon: float
    state: State
    citizens: int
    devices: tuple[DeviceRow, ...]
    probe: ProbeRow | None = None
    is_open: bool = True

    @property
    def fails(self) -> bool:
        """Whether a phone gets stuck there though the site should serve."""
        return self.probe is not None and self.probe.works is False and self.is_open


@dataclass(frozen=True, slots=True)
class MunicipalityRow:
    """One municipality; `worst` is its worst device, None when every one is up or there is none.

    `failing` is a site at which a phone gets stuck.
    """

    key: str
    name: str
    zone: str
    state: State
    sites: Tally
    devices: Tally
    clients: Clients
    citizens: int
    sampled_at: int | None
    worst: DeviceRow | None
    site_rows: tuple[SiteRow, ...]
    failing: SiteRow | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole state, municipalities in the inventory's order."""

    at: int
    municipalities: Tally
    sites: Tally
    access_points: Tally
    clients: Clients
    citizens: int
    sampled_at: int | None
    rows: tuple[MunicipalityRow, ...]


def tally(states: Iterable[State]) -> Tally:
    """Count states."""
    found = list(states)
    return Tally(**{state.value: found.count(state) for state in State})


def combine(states: Iterable[State]) -> State:
    """The state of a whole: up or down only when every part is, degraded when any part is known bad."""
    found = set(states)
    if found & {State.DOWN, State.DEGRADED}:
        return State.DOWN if found == {State.DOWN} else State.DEGRADED
    return State.UP if found == {State.UP} else State.UNKNOWN


def served(state: State, probe: ProbeRow | None, *, is_open: bool) -> State:
    """The state of a site whose devices add up to `state`: what citizens meet counts more than agents do."""
    if probe is None or probe.works is None or not is_open:
        return state
    if not probe.works:
        return State.DOWN
    return State.DEGRADED if state is State.DOWN else State.UP if state is State.UNKNOWN else state


def judge(
    verdict: HealthRow | None, sampled_at: int | None, now: int, stale_after_s: int
) -> tuple[State, Reason]:
    """A device's state: the health table's verdict, as long as both it and the samples are fresh."""
    words = verdict.reason if verdict else ""
    if sampled_at is None:
        return State.UNKNOWN, Reason(Cause.NO_SAMPLE, words)
    if abs(now - sampled_at) > stale_after_s:
        return State.UNKNOWN, Reason(Cause.STALE_SAMPLE, words, sampled_at)
    if verdict is None:
        return State.UNKNOWN, Reason(Cause.NO_VERDICT)
    if abs(now - verdict.checked_at) > stale_after_s:
        return State.UNKNOWN, Reason(Cause.STALE_VERDICT, words, verdict.checked_at)
    return verdict.state, Reason(Cause.VERDICT, words, verdict.since)


def last_sample(sample: Sample | None, verdict: HealthRow | None, now: int, stale_after_s: int) -> int | None:
    """When a device was last measured.

    A poll leaves a sample and a verdict, so an old verdict tells when the samples ended.
    """
    if sample is not None:
        return sample.time
    if verdict is None or verdict.state is State.UNKNOWN or now - verdict.checked_at <= stale_after_s:
        return None
    return verdict.checked_at


def patience(device: Device, stale_after_s: int) -> int:
    """When the last sample of this device is old: a few of its own turns, where these are seldom."""
    return max(stale_after_s, _TURNS * interval_s(device, 0))


def overview(inventory: Inventory, reading: Reading, stale_after_s: int) -> Overview:
    """Everything the page shows."""
    sites: dict[str, list[SiteRow]] = {key: [] for key in inventory.municipalities}
    for site, devices in _by_site(inventory):
        sites[site.municipality].append(_site(site, devices, reading, stale_after_s))
    rows = tuple(_municipality(m, tuple(sites[m.key])) for m in inventory.municipalities.values())
    everywhere = [site for row in rows for site in row.site_rows]
    access_points = [device for site in everywhere for device in site.devices if _is_access_point(device)]
    return Overview(
        at=reading.at,
        municipalities=tally(row.state for row in rows),
        sites=tally(site.state for site in everywhere),
        access_points=tally(device.state for device in access_points),
        clients=_clients(access_points),
        citizens=sum(row.citizens for row in rows),
        sampled_at=_newest(row.sampled_at for row in rows),
        rows=rows,
    )


def _by_site(inventory: Inventory) -> list[tuple[Site, list[Device]]]:
    devices: dict[str, list[Device]] = {key: [] for key in inventory.sites}
    for device in inventory.devices.values():
        if device.state is not Lifecycle.RETIRED:
            devices[device.site].append(device)
    return [(site, devices[key]) for key, site in inventory.sites.items()]


def _municipality(municipality: Municipality, sites: tuple[SiteRow, ...]) -> MunicipalityRow:
    devices = [device for site in sites for device in site.devices if device.counts]
    return MunicipalityRow(
        key=municipality.key,
        name=municipality.name,
        zone=municipality.zone,
        state=combine(site.state for site in sites),
        sites=tally(site.state for site in sites),
        devices=tally(device.state for device in devices),
        clients=_clients([device for device in devices if _is_access_point(device)]),
        citizens=sum(site.citizens for site in sites),
        sampled_at=_newest(device.sampled_at for device in devices),
        worst=_worst(devices),
        site_rows=sites,
        failing=next((site for site in sites if site.fails), None),
    )


def _site(site: Site, devices: list[Device], reading: Reading, stale_after_s: int) -> SiteRow:
    rows = tuple(_device(device, reading, stale_after_s) for device in devices)
    probe = reading.probes.get(site.key)
    if probe is not None and abs(reading.at - probe.at) > PROBE_STALE_S:
        probe = None
    is_open = probe is None or site.hours.open_at(datetime.fromtimestamp(reading.at, UTC))
    state = served(combine(row.state for row in rows if row.counts), probe, is_open=is_open)
    running = reading.running.get(site.key, 0)
    return SiteRow(site.key, site.name, site.lat, site.lon, state, running, rows, probe, is_open)


def _device(device: Device, reading: Reading, stale_after_s: int) -> DeviceRow:
    sample = reading.samples.get(device.name)
    verdict = reading.verdicts.get(device.name)
    patience_s = patience(device, stale_after_s)
    sampled_at = last_sample(sample, verdict, reading.at, patience_s)
    state, reason = judge(verdict, sampled_at, reading.at, patience_s)
    clients = None
    if sample and abs(reading.at - sample.time) <= patience_s and "clients" in sample.fields:
        clients = int(sample.fields["clients"])
    facts = (verdict.agent, verdict.service) if verdict and reason.cause is Cause.VERDICT else (None, None)
    shown = (device.name, device.role, device.state, state, reason, clients, sampled_at, device.poll)
    return DeviceRow(*shown, *facts, reading.expected.get(device.name, ""))


def _clients(access_points: list[DeviceRow]) -> Clients:
    counts = [device.clients for device in access_points if device.clients is not None]
    return Clients(sum(counts) if counts else None, len(counts), len(access_points))


def _worst(devices: list[DeviceRow]) -> DeviceRow | None:
    troubled = [device for device in devices if device.state is not State.UP]
    return max(troubled, key=lambda device: SEVERITY[device.state], default=None)


def _is_access_point(device: DeviceRow) -> bool:
    return device.role is Role.AP and device.counts


def _newest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)
