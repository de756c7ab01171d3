"""The worker's nightly sweep: who is read when, what is tried again, and what is put right where asked."""

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from controller import applying, drift, nights, planning, rollout
from controller import intent as wanting
from controller.app import App, afresh
from controller.drift import DRIFTED, REFUSED, Finding, State, Sweep, entering
from controller.errors import ControllerError, InventoryError, RolloutHalted, StoreBusy
from controller.nights import Night
from controller.rollout import Outcome, Works
from controller.rollouts.windows import open_now
from drivers.configurers.seam import Safety
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import DriverError
from drivers.model import Device

log = logging.getLogger(__name__)

BATCH: Final = 64
"""Devices of one turn, so that a turn ends soon even where none of them answers."""

_LOGIN_S: Final = 15.0
_BUSY_S: Final = 300
_OWNED: Final = frozenset({State.OWNED, State.BOTH})


@dataclass(frozen=True, slots=True)
class _Round:
    """The devices of one zone that wait in one night: (epoch seconds, name), the next one first."""

    night: Night
    waiting: list[tuple[int, str]]


class Sweeper:
    """Reads every device that we configure once in its night. All its memory may be lost at any time: it is
    built again from the table of findings."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self._rounds: dict[str, _Round] = {}
        self._file: object = None

    def turn(self) -> None:
        """Read those that are due now, at most BATCH of them."""
        now = self._clock()
        zones = {one.zone for one in self._app.inventory.municipalities.values()}
        tonight = {zone: found for zone in zones if (found := nights.night(zone, now))}
        self._rounds = {zone: one for zone, one in self._rounds.items() if tonight.get(zone) == one.night}
        if not tonight or not self._follow_inventory(begun=not tonight.keys() <= self._rounds.keys()):
            return
        for zone in tonight.keys() - self._rounds.keys():
            self._rounds[zone] = self._round(zone, tonight[zone])
        due = list(self._due(int(now.timestamp())))
        if due:
            self._read(due)

    def _read(self, due: Sequence[Device]) -> None:
        works = self._works()
        before = drift.findings(self._app.engine, due)
        found = {one.device: one for one in Sweep(works, entering(works.access)).look(due)}
        now = int(self._clock().timestamp())
        for device in due:
            finding = found.get(device.name)
            if finding is None:
                self._wait(device, now + _BUSY_S)
            elif finding.state is State.UNKNOWN and finding.fingerprint != REFUSED:
                self._wait(device, nights.again(device, finding.checked_at))
        _tell(found.values(), before)
        if self._app.settings.drift_fix:
            self._fix([one for one in due if one.name in found and found[one.name].state in _OWNED])

    def _fix(self, drifted: Sequence[Device]) -> None:
        if not drifted:
            return
        self._app = afresh(self._app)  # rotations may have gone on since the night began
        works = self._works()
        devices = [one for one in map(works.inventory.devices.get, (old.name for old in drifted)) if one]
        fix(works, devices, self._app, self._clock())
        Sweep(works, entering(works.access)).look(devices)

    def _round(self, zone: str, tonight: Night) -> _Round:
        devices = [one for one in self._app.inventory.devices.values() if self._zone(one) == zone]
        devices = [one for one in devices if not wanting.why_not(one)]
        known = drift.findings(self._app.engine, devices)
        waiting = []
        for device in devices:
            at = _next(device, tonight, known.get(device.name))
            if at is not None:
                waiting.append((at, device.name))
        heapq.heapify(waiting)
        return _Round(tonight, waiting)

    def _due(self, now: int) -> Iterator[Device]:
        taken = 0
        for one in self._rounds.values():
            while one.waiting and one.waiting[0][0] <= now and taken < BATCH:
                _, name = heapq.heappop(one.waiting)
                taken += 1
                yield self._app.inventory.devices[name]

    def _wait(self, device: Device, at: int) -> None:
        if (one := self._rounds.get(self._zone(device))) and at < one.night.end:
            heapq.heappush(one.waiting, (at, device.name))

    def _zone(self, device: Device) -> str:
        return self._app.inventory.municipalities[device.municipality].zone

    def _follow_inventory(self, begun: bool) -> bool:
        """Judge by the inventory and the rotations of now; False while the inventory has mistakes.

        Read when the night of a zone has `begun`, and whenever the file has changed.
        """
        try:
            found = self._app.settings.inventory.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._file and not begun:
                return True
            self._app = afresh(self._app)
        except (InventoryError, OSError) as error:
            log.warning("no sweep: the inventory cannot be read", extra={"error": str(error)})
            return False
        if seen != self._file:
            self._file, self._rounds = seen, {}
        return True

    def _works(self) -> Works:
        works = rollout.works_of(self._app)
        return replace(
            works,
            access=replace(works.access, login_timeout_s=_LOGIN_S),
            journal=replace(works.journal, clock=self._clock),
            history=replace(works.history, clock=self._clock),
        )


def fix(works: Works, devices: Sequence[Device], app: App, now: datetime) -> None:
    """Put right what is ours at these devices, one by one until one fails; none in use by another process.

    Left alone: what the inventory asks anew since the last version that is known, what has no timer of its
    own, and a site outside its maintenance.
    """
    with suppress(StoreBusy), rollout.alone(app.settings.data_dir, "the worker"):
        for device in devices:
            why_not = _why_not(works, device, now)
            if why_not:
                log.info("drift is not put right", extra={"device": device.name, "why": why_not})
                continue
            planned = planning.plan_one(works.inventory, works.access, device)
            try:
                applying.run(works, f"drift of {device.name}", [planned], _log_outcome)
            except RolloutHalted as error:
                log.warning("putting drift right failed", extra={"device": device.name, "error": str(error)})
                return


def _why_not(works: Works, device: Device, now: datetime) -> str:
    site = works.inventory.sites[device.site]
    if not open_now(site.maintenance, now):
        return "its site is outside its maintenance"
    if CONFIGURERS[device.platform].traits.safety is Safety.D:
        return "nothing on it undoes a bad change"
    if any(row.device == device.name for row in works.journal.on_trial()):
        return "a change of it has not ended yet"
    try:
        known = works.history.known(device)
        earlier = works.history.running(device, known) if known else None
        wish = planning.wish(works.inventory, works.access, device)
        pending = earlier and CONFIGURERS[device.platform].change(device.name, earlier, wish)
    except (DriverError, ControllerError) as error:
        return str(error)
    return "the inventory asks for more than what it had" if pending else ""


def _next(device: Device, tonight: Night, found: Finding | None) -> int | None:
    """When the device is to be read in this night, None when it needs not any more."""
    if found is None or found.checked_at < tonight.start:
        return nights.turn(device, tonight)
    again = found.state is State.UNKNOWN and found.fingerprint != REFUSED
    return nights.again(device, found.checked_at) if again else None


def _tell(found: Iterable[Finding], before: Mapping[str, Finding]) -> None:
    for one in found:
        last = before.get(one.device)
        if one.state in DRIFTED and (last is None or last.fingerprint != one.fingerprint):
            fields = {"device": one.device, "state": str(one.state), "owned": one.owned, "detail": one.detail}
            log.warning("drift", extra=fields)
        elif one.state is State.UNKNOWN and (last is None or last.state is not State.UNKNOWN):
            log.warning("could not be read for drift", extra={"device": one.device, "error": one.detail})


def _log_outcome(outcome: Outcome) -> None:
    fields = {"device": outcome.device, "state": str(outcome.state), "detail": outcome.detail}
    log.info("drift is put right", extra=fields)
