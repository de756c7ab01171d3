"""One change at one device: plan, arm its timer, apply, verify over a new login, confirm; or it reverts."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from drivers import render, trial
from drivers.diff import Diff, diff
from drivers.errors import AuthFailed, DriverError, Unreachable, VerifyFailed
from drivers.model import Intent, Secret
from drivers.ssh import Shell
from drivers.trial import Talk, Trial

T = TypeVar("T")
Login = AbstractContextManager[Shell]
Connect = Callable[[], Login]
"""Opens a new login each time it is called. Raises DriverError."""

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 3.0
_CONFIRM_MARGIN_S: Final = 2.0  # left for the confirmation itself before the device's timer ends


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds until the device reverts by itself, its services settle, it is back after a revert."""

    revert_s: int = 90
    settle_s: float = 3.0
    grace_s: float = 30.0
    command_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a device, and the exact configuration it was planned for."""

    intent: Intent
    passphrases: Mapping[str, Secret]
    fingerprint: str
    diff: Diff

    @property
    def device(self) -> str:
        """The device's name."""
        return self.intent.device


class Step(StrEnum):
    """The remote acts of a change, each announced before it is done."""

    ARMED = "armed"
    APPLIED = "applied"
    VERIFIED = "verified"


class Ending(StrEnum):
    """What became of a trial, as the device tells."""

    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    ABSENT = "absent"  # the device never armed it, so its old configuration stands


def plan(shell: Shell, intent: Intent, passphrases: Mapping[str, Secret], command_s: float = 30.0) -> Plan:
    """Read the device and compare. Writes nothing. Raises DriverError."""
    running = trial.read(Talk(shell, intent.device, command_s))
    wanted = render.render(intent, running.config, passphrases)
    return Plan(intent, passphrases, running.fingerprint, diff(intent.device, running.config, wanted))


def carry_out(
    planned: Plan, connect: Connect, token: str, timers: Timers, before: Callable[[Step], None]
) -> None:
    """Do it; `before` is called ahead of each remote act. Returns when the device confirmed.

    Unreachable before ARMED was announced, or any ConfigRejected before APPLIED: nothing was changed.
    After that every DriverError means that the device reverts by itself: ask `await_end`.
    """
    device = planned.device
    with connect() as shell:
        talk = Talk(shell, device, timers.command_s)
        before(Step.ARMED)
        started = time.monotonic()
        trial.arm(talk, planned.diff, planned.fingerprint, token, timers.revert_s)
        before(Step.APPLIED)
        with suppress(Unreachable):  # the change may cut this login; the new one decides
            trial.apply(talk, token)
    left_s = started + timers.revert_s - timers.settle_s - _CONFIRM_MARGIN_S - time.monotonic()
    _wait_for_reload(device, connect, token, timers, left_s)
    with connect() as shell:
        _verify(shell, planned, timers)
        before(Step.VERIFIED)
        trial.confirm(Talk(shell, device, timers.command_s), token)


def finish(planned: Plan, connect: Connect, token: str, timers: Timers, wait_s: float) -> Ending:
    """End a trial that another process began: confirm it if the device is as intended, else see it revert.

    `planned` was made after the trial was armed. Waits at most `wait_s`. Raises DriverError.
    """
    device = planned.device

    def look(shell: Shell) -> Ending | None:
        known = trial.status(Talk(shell, device, timers.command_s), token)
        as_intended = not planned.diff and known.reloaded and known.phase == "open"
        if known.token == token and (as_intended or known.phase == "confirming"):
            with suppress(VerifyFailed):  # its timer was quicker
                trial.confirm(Talk(shell, device, timers.command_s), token)
            known = trial.status(Talk(shell, device, timers.command_s), token)
        return _ending(known, token)

    return _ask(connect, wait_s, look, _still_open(device))


def await_end(device: str, connect: Connect, token: str, timers: Timers, wait_s: float) -> Ending:
    """Ask until the device says what became of a trial. Raises DriverError when it does not in `wait_s`."""

    def look(shell: Shell) -> Ending | None:
        return _ending(trial.status(Talk(shell, device, timers.command_s), token), token)

    return _ask(connect, wait_s, look, _still_open(device))


def is_as_before(planned: Plan, connect: Connect, timers: Timers) -> bool:
    """Whether the device's files are, octet for octet, those the plan was made for. Raises DriverError."""
    with connect() as shell:
        return trial.read(Talk(shell, planned.device, timers.command_s)).fingerprint == planned.fingerprint


def _still_open(device: str) -> DriverError:
    return Unreachable(device, "its trial is still open", "ask again later")


def _ending(known: Trial, token: str) -> Ending | None:
    verb = known.ending.partition(" ")[0]
    if verb in {"confirmed", "reverted"}:
        return Ending(verb)
    if known.token == token and known.phase != "none":
        return None
    return Ending.ABSENT


def _wait_for_reload(device: str, connect: Connect, token: str, timers: Timers, wait_s: float) -> None:
    """Return when the device has reloaded its services and had time to settle."""

    def look(shell: Shell) -> Trial | None:
        known = trial.status(Talk(shell, device, timers.command_s), token)
        if known.phase != "open" or known.token != token:
            raise VerifyFailed(device, "it ended the trial before it could be verified")
        return known if known.reloaded else None

    _ask(connect, wait_s, look, VerifyFailed(device, "it never finished reloading", "it reverts by itself"))
    time.sleep(timers.settle_s)


def _ask(connect: Connect, wait_s: float, look: Callable[[Shell], T | None], otherwise: DriverError) -> T:
    """Log in and look, again and again with growing pauses, until there is an answer; else raise."""
    until = time.monotonic() + wait_s
    pause_s = _FIRST_PAUSE_S
    while True:
        last = otherwise
        try:
            with connect() as shell:
                found = look(shell)
            if found is not None:
                return found
        except (Unreachable, AuthFailed) as error:  # either may be the change's doing and pass with it
            last = error
        if time.monotonic() + pause_s >= until:
            raise last
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _verify(shell: Shell, planned: Plan, timers: Timers) -> None:
    again = plan(shell, planned.intent, planned.passphrases, timers.command_s)
    if again.diff:
        raise VerifyFailed(
            planned.device, "after the change it is not what it should be", "it reverts by itself"
        )
