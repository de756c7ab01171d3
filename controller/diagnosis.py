"""Puts together why a device is in its state, for the technician who must mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from controller.advice import NO_SERVICE, NOT_POLLED, next_steps
from controller.health import polled
from controller.store import health, snmp
from controller.store.health import Standing
from controller.store.snmp import PollError
from drivers.model import Device
from drivers.snmp.seam import Learned

_MISSED_TURNS: Final = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of a device. `standing` is None when nobody has asked it yet, `learned` when it never
    taught us anything; `errors` are newest first; `stale` means that its poller has stopped asking it.
    """

    device: Device
    standing: Standing | None
    learned: Learned | None
    errors: Sequence[PollError]
    stale: bool
    steps: Sequence[str]


def diagnose(engine: Engine, device: Device, interval_s: int, now: int) -> Diagnosis:
    """Read what the poller keeps of this device, asked every `interval_s`; `now` is epoch seconds."""
    standing = health.standing(engine, device.name)
    errors = snmp.last_errors(engine, device.name)
    stale = polled(device) and (standing is None or now - standing.checked_at > _MISSED_TURNS * interval_s)
    learned = snmp.learned(engine).get(device.name)
    return Diagnosis(device, standing, learned, errors, stale, _steps(device, standing, errors, stale=stale))


def _steps(
    device: Device, standing: Standing | None, errors: Sequence[PollError], *, stale: bool
) -> tuple[str, ...]:
    first = (NOT_POLLED,) if stale else ()
    if errors and errors[0].ended_at is None and polled(device):
        return (*first, *next_steps(device, errors[0].reason))
    if standing is not None and standing.verdict.service_works is False:
        return (*first, NO_SERVICE.format(name=device.name))
    return first
