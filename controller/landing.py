"""What pollers without a store bring: each frame once into the store, each verdict never back in time."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, select

from controller import audit
from controller.errors import StoreBusy, StoreError
from controller.model import Inventory
from controller.remote_poller_report import Report, Told, report
from controller.remote_poller_wire import holder_of, shard_of
from controller.store import health as health_store
from controller.store import leases, pollers
from controller.store import snmp as snmp_store
from controller.store.tables import health
from drivers.model import Reach, ReachKind
from metrics.errors import FrameUnknown, FrameUnreadable, StaleEpoch
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.segments_file import Frame
from metrics.sink import Window

log = logging.getLogger(__name__)

AHEAD_S: Final = 3_600
BEHIND_S: Final = 400 * 86_400
"""A slot further off than this is of a wrong clock; it would make a day of its own."""


@dataclass(frozen=True, slots=True)
class Landing:
    """All frames up to `have` are safe here, `refused` samples were not taken, `problem` is what stops.

    `taken` of the frames could be read.
    """

    have: int
    refused: int = 0
    problem: str = ""
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Runway:
    """Where frames land. `inventory` gives the current one; `audit_key` is that of the audit log."""

    engine: Engine
    samples: LocalStore
    inventory: Callable[[], Inventory]
    audit_key: Callable[[], bytes]

    def lease(self, name: str, spool: str, epoch: int, now: datetime) -> int:
        """The epoch under which the poller of this name and spool may poll; 0 while another one has it."""
        shard, holder, at = shard_of(name), holder_of(name, spool), int(now.timestamp())
        if epoch and leases.renew(self.engine, shard, holder, epoch, at):
            return epoch
        return leases.acquire(self.engine, shard, holder, at) or 0

    def land(self, name: str, spool: str, frames: Iterable[Frame], now: datetime) -> Landing:
        """Frame after frame; one that comes again changes nothing. That something came is noted.

        Raises StoreUnusable and what SQLAlchemy raises: those before are safe and may all come again.
        """
        landing = self._land(name, spool, frames, now)
        if landing.taken:
            pollers.note(self.engine, name, int(now.timestamp()))
        return landing

    def _land(self, name: str, spool: str, frames: Iterable[Frame], now: datetime) -> Landing:
        have = refused = taken = 0
        mine = Reach(ReachKind.AGENT, name)
        devices = self.inventory().devices
        strangers = {device.name for device in devices.values() if device.reach != mine}
        for frame in frames:
            try:
                said = report(frame.payload)
            except FrameUnknown as error:
                problem = f"{error}; bring both to the same Plaza"
                return Landing(have or frame.number - 1, refused, problem, taken)
            except FrameUnreadable as error:
                _refuse(name, frame.number, [str(error)])
                have, refused = frame.number, refused + 1
                continue
            good, bad = _sorted_out(said, strangers, int(now.timestamp()))
            if bad:
                _refuse(name, frame.number, bad)
            self._store(name, spool, frame.number, said.epoch, good)
            own = [told for told in said.told if told.device in devices and told.device not in strangers]
            self._remember(own, now)
            have, refused, taken = frame.number, refused + len(bad), taken + 1
        return Landing(have, refused, taken=taken)

    def _store(self, name: str, spool: str, number: int, epoch: int, samples: Sequence[Sample]) -> None:
        """The journal's key is (writer, day, number): what comes again finds itself there."""
        writer, shard = holder_of(name, spool), shard_of(name)
        if not samples:
            return
        try:
            self.samples.write(writer, samples, shard=shard, epoch=epoch, seq=number)
        except StaleEpoch as error:
            rest = self._missing(samples)
            if rest:
                shown = {"poller": name, "frame": number, "epoch": epoch, "newest": error.newest}
                log.warning("frame of a lost lease: what was not there lands", extra=shown)
                self.samples.write(writer, rest, shard=shard, epoch=error.newest, seq=number)

    def _missing(self, samples: Sequence[Sample]) -> list[Sample]:
        """Those of slots that nobody has measured: what the lease's new owner wrote stays as it is."""
        there: set[tuple[object, ...]] = set()
        for measurement in {sample.measurement for sample in samples}:
            times = [sample.time for sample in samples if sample.measurement == measurement]
            window = Window(min(times), max(times) + 1)
            there |= {_place(sample) for sample in self.samples.read(measurement, window)}
        return [sample for sample in samples if _place(sample) not in there]

    def _remember(self, told: Sequence[Told], now: datetime) -> None:
        """Verdicts, why polls failed, and events, unless something newer is known already."""
        if not told:
            return
        at = int(now.timestamp())
        with self.engine.begin() as connection:
            known = _checked_at(connection, [one.device for one in told])
            fresh = [(one, min(one.at, at)) for one in told]
            fresh = [(one, when) for one, when in fresh if when > known.get(one.device, -1)]
            health_store.keep(connection, [(one.device, one.verdict, when) for one, when in fresh])
            snmp_store.keep_errors(connection, [(one.device, one.failure, when) for one, when in fresh])
        for one, _ in fresh:
            for event in one.events:
                self._record(one.device, event, now)

    def _record(self, device: str, event: str, now: datetime) -> None:
        entry = audit.Entry("plaza poller", "snmp-event", device, {"event": event}, now)
        try:
            audit.record(self.engine, self.audit_key(), entry)
        except (StoreBusy, StoreError) as error:
            shown = {"device": device, "event": event, "error": str(error)}
            log.error("snmp event not audited", extra=shown)


def _sorted_out(said: Report, strangers: set[str], now: int) -> tuple[list[Sample], list[str]]:
    """The samples to store, and why the others are not."""
    good: list[Sample] = []
    bad = list(said.batch.refused)
    for sample in said.batch.samples:
        why = _problem(sample, strangers, now)
        if why:
            bad.append(f"{sample.measurement}: {why}")
        else:
            good.append(sample)
    return good, bad


def _problem(sample: Sample, strangers: set[str], now: int) -> str:
    """Why this poller may not say this; "" when it may."""
    device = sample.tags.get("ap", "").partition("/")[0]
    if not device:
        return "is not what a poller measures"
    if device in strangers:
        return f"{device} is not behind this agent"
    if not now - BEHIND_S <= sample.time <= now + AHEAD_S:
        return f"its slot {sample.time} is not of our time, set that poller's clock"
    return ""


def _refuse(name: str, number: int, reasons: Sequence[str]) -> None:
    shown = {"poller": name, "frame": number, "refused": len(reasons), "first": reasons[0][:500]}
    log.error("samples of a poller refused", extra=shown)


def _place(sample: Sample) -> tuple[object, ...]:
    return sample.measurement, sample.time, *sorted(sample.tags.items())


def _checked_at(connection: Connection, devices: Sequence[str]) -> dict[str, int]:
    statement = select(health.c.device, health.c.checked_at).where(health.c.device.in_(devices))
    return {row.device: row.checked_at for row in connection.execute(statement)}
