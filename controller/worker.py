"""What the worker does: rollups, derived samples, forwarding, open trials, the sweep, and what expires."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Event, Thread

from controller import applying, asked, audit, profiles, rollout
from controller.adoption.current import Current
from controller.adoption.enlisting import Enlisting, Watch
from controller.app import App, build, utc_now
from controller.calm import calm
from controller.disk import guarding
from controller.errors import ControllerError, StoreBusy
from controller.firmware.cleaning import Cleaner
from controller.health import polled
from controller.incidents.job import EVERY_S as INCIDENTS_S
from controller.incidents.job import Incidents
from controller.job_runs import JobRuns
from controller.portal_jobs import SHARD, WRITER, portal_jobs
from controller.rollout import Outcome
from controller.rollouts.carrying import Carrier
from controller.rotation import waiting
from controller.scheduler import Job, run
from controller.settings import Settings
from controller.signals import stop_on_signals
from controller.sink_settings import SinkSettings
from controller.sinks import open_sink
from controller.sweeper import Sweeper
from drivers.apply import Timers
from drivers.model import PollProfile
from metrics.errors import MetricsError
from metrics.forward import Forwarder
from metrics.local.retention import Terms, retain
from metrics.local.retention_ready import rolled_up
from metrics.local.rollup import roll_up, trim
from metrics.sample import Sample
from metrics.sink import Window

log = logging.getLogger(__name__)

MUNICIPALITY_SLOT_S = 300
ANSWERED_S = 15
BACK_S = 86_400
PATIENCE_S = 60
ROOM_S = 20
WAITING_S = 1800
REOPEN_S = 60.0


def run_worker(settings: Settings) -> None:
    """Do the worker's jobs until SIGTERM."""
    stop = stop_on_signals()
    work(build(settings), stop)
    log.info("stopped")


def work(app: App, stop: Event) -> None:
    """Do the worker's jobs until `stop`."""
    threads = [
        Thread(target=feed, args=(app, wanted, stop), name=f"forward-{wanted.name}")
        for wanted in app.settings.sinks
    ]
    for thread in threads:
        thread.start()
    table = jobs(app, utc_now)
    runs = JobRuns(app.settings.data_dir, table, utc_now)
    run([calm(runs.noting(job)) for job in table], stop)
    runs.write()
    for thread in threads:
        thread.join()


def feed(app: App, wanted: SinkSettings, stop: Event) -> None:
    """Feed one sink until `stop`. One that cannot be opened, without its token, keeps nobody waiting."""
    while not stop.is_set():
        try:
            opened = open_sink(app.secrets, wanted)
        except (ControllerError, MetricsError) as error:
            log.error("sink cannot be opened", extra={"sink": wanted.name, "reason": str(error)})
            stop.wait(REOPEN_S)
            continue
        Forwarder(app.samples, opened, utc_now).run(stop)


def jobs(app: App, clock: Callable[[], datetime]) -> list[Job]:
    """The worker's job table."""
    return [
        Job("roll up closed hours", 60, partial(_roll_up, app, clock)),
        Job("municipalities per slot", 60, Municipalities(app, clock).turn),
        Job("keep room on the disk", ROOM_S, guarding(app, clock)),
        Job("keep what is to be kept", 3600, partial(_retain, app, clock)),
        Job("end open trials", 20, partial(_end_open_trials, app)),
        Job("carry rollouts on", 20, Carrier(app, clock).turn),
        Job("move claimed devices on", 5, _watch(app, clock).turn),
        Job("remove firmware copies", 60, Cleaner(app, clock).turn),
        Job("nightly drift sweep", 15, Sweeper(app, clock).turn),
        Job("incidents", INCIDENTS_S, Incidents(app, clock).turn),
        Job("keys of those that were off", WAITING_S, partial(_carry_on, app)),
        *portal_jobs(app, clock),
    ]


def _roll_up(app: App, clock: Callable[[], datetime]) -> None:
    """A minute late: the last polls of an hour come in after its end."""
    now = int(clock().timestamp()) - PATIENCE_S
    roll_up(app.samples, now, asked.roster(app.inventory, app.settings), asked.Zones(app.inventory))


def _retain(app: App, clock: Callable[[], datetime]) -> None:
    """Days as they came become chunks, chunks go once every sink has them, hours after `hour_days`."""
    _roll_up(app, clock)
    now, settings = int(clock().timestamp()), app.settings
    terms = Terms(settings.raw_hours, settings.chunk_days)
    retain(app.samples, now, terms, [s.name for s in settings.sinks], rolled_up(app.samples))
    trim(app.samples, now, settings.hour_days)


def _end_open_trials(app: App) -> None:
    """Confirm, or see revert, what a killed `apply` left open; one that still runs is left alone."""
    works = rollout.works_of(app, Timers())
    if not works.journal.unfinished():
        return
    with suppress(StoreBusy), rollout.alone(app.settings.data_dir, "the worker"):
        applying.resume(works, _log_outcome)


def _watch(app: App, clock: Callable[[], datetime]) -> Watch:
    key, path = audit.load_key(app.settings.data_dir), app.settings.inventory
    return Watch(Enlisting(app.engine, key, path, "plaza worker", clock), Current(path))


def _carry_on(app: App) -> None:
    """Bring keys to devices that were off when they were rotated or revoked."""
    try:
        waiting.carry_on(app)
    except ControllerError as error:
        log.warning("keys still wait for their devices", extra={"error": str(error)})


def _log_outcome(outcome: Outcome) -> None:
    fields = {"device": outcome.device, "state": str(outcome.state), "detail": outcome.detail}
    log.info("trial of an interrupted change", extra=fields)


@dataclass(slots=True)
class Municipalities:
    """A worker's turn at the slots that are over, also at those of the last day in which none ran."""

    app: App
    clock: Callable[[], datetime]
    done: int = 0

    def turn(self) -> None:
        """Write what is over since the last turn."""
        slot = MUNICIPALITY_SLOT_S
        end = (int(self.clock().timestamp()) - ANSWERED_S) // slot * slot
        for start in range(self._begin(end), end, slot):
            samples = _of_slot(self.app, start)
            if samples:
                self.app.samples.write(WRITER, samples, shard=SHARD)
        self.done = end

    def _begin(self, end: int) -> int:
        """Where the last turn ended, or the last worker."""
        if self.done:
            return max(self.done, end - BACK_S)
        written = [sample.time for sample in self.app.samples.latest("hotspot_mun", end - BACK_S)]
        return max(written, default=end - 2 * MUNICIPALITY_SLOT_S) + MUNICIPALITY_SLOT_S


def _of_slot(app: App, start: int) -> list[Sample]:
    normal_s = app.settings.poll_interval_s
    seldom = [
        device
        for device in app.inventory.devices.values()
        if polled(device) and device.poll_profile is not PollProfile.NORMAL
    ]
    memory = {device.name: profiles.memory_s(device, normal_s) for device in seldom}
    slots = {slot for device in seldom for slot in profiles.slots(device, normal_s, start)}
    windows = [
        *(Window(slot, slot + 1) for slot in sorted(slots)),
        Window(start, start + MUNICIPALITY_SLOT_S),
    ]
    found = (sample for window in windows for sample in app.samples.read("wifi_ap", window))
    return municipality_samples(app, last_known(found, start, memory), start)


def last_known(samples: Iterable[Sample], start: int, memory_s: Mapping[str, int]) -> Iterable[Sample]:
    """The last sample of each access point, oldest given first, from `start` on.

    Where polls are seldom, by the name of the device, one from so many seconds before counts too, and what a
    partial poll left out is as it was.
    """
    known: dict[str, Sample] = {}
    for sample in samples:
        ap = sample.tags["ap"]
        reach_s = memory_s.get(ap.partition("/")[0], 0)
        if sample.time < start - reach_s:
            continue
        before = known.get(ap)
        if reach_s and before is not None and sample.fields.get("up") == 1:
            sample = replace(sample, fields={**before.fields, **sample.fields})  # noqa: PLW2901
        known[ap] = sample
    return known.values()


def municipality_samples(app: App, latest: Iterable[Sample], at: int) -> list[Sample]:
    """hotspot_mun from the last sample of each access point; a municipality nobody measured has no sample."""
    expected: dict[str, int] = {}
    for device in app.inventory.devices.values():
        if polled(device):
            expected[device.municipality] = expected.get(device.municipality, 0) + 1
    by_municipality: dict[str, list[Sample]] = {}
    for sample in latest:
        by_municipality.setdefault(sample.tags["mun"], []).append(sample)
    return [
        Sample("hotspot_mun", {"mun": key}, _totals(samples, max(expected.get(key, 0), len(samples))), at)
        for key, samples in by_municipality.items()
    ]


def _totals(samples: Sequence[Sample], expected: int) -> dict[str, int]:
    """Clients are of those access points that measured them; when none did there is no figure."""
    totals = {"aps": expected, "aps_up": sum(1 for sample in samples if sample.fields.get("up") == 1)}
    clients = [int(sample.fields["clients"]) for sample in samples if "clients" in sample.fields]
    return totals | ({"clients": sum(clients)} if clients else {})
