"""One change at one device: plan, arm its timer, apply, verify over a new login, confirm; or it reverts."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from drivers import render, trial
from drivers.dialect import Dialect
from drivers.diff import Diff, diff
from drivers.errors import (
    AuthFailed,
    ConfigRejected,
    DriverError,
    UnexpectedReply,
    Unreachable,
    ValueRefused,
    VerifyFailed,
)
from drivers.model import Intent, Secret
from drivers.ssh import Shell
from drivers.trial import Talk, Trial
from drivers.uci import Config

T = TypeVar("T")
Login = AbstractContextManager[Shell]
Connect = Callable[[], Login]
"""Opens a new login each time it is called. Raises DriverError."""

_FIRST_PAUSE_S: Final = 0.25
_CONFIRM_MARGIN_S: Final = 2.0  # left for the confirmation itself before the device's timer ends


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds until the device reverts by itself, its services settle, it is back after a revert.

    A device that is waited for is asked at growing intervals, at most `longest_pause_s` apart.
    """

    revert_s: int = 90
    settle_s: float = 3.0
    grace_s: float = 30.0
    command_s: float = 30.0
    longest_pause_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """A device to be changed: its name, what it speaks, how it is entered, how long things may take."""

    device: str
    dialect: Dialect
    connect: Connect
    timers: Timers

    def talk(self, shell: Shell) -> Talk:
        """One act after the other in this login."""
        return Talk(shell, self.dialect, self.device, self.timers.command_s)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a device should be; `passphrases` are by credential name."""

    intent: Intent
    passphrases: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a device, and the exact configuration it was planned for."""

    wish: Wish
    fingerprint: str
    wanted: Config
    diff: Diff


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


def plan(talk: Talk, wish: Wish) -> Plan:
    """Read the device and compare. Writes nothing. Raises DriverError."""
    running = trial.read(talk)
    wanted = render.render(talk.dialect, wish.intent, running.config, wish.passphrases)
    change = diff(talk.dialect, talk.device, running.config, wanted)
    return Plan(wish, running.fingerprint, wanted, change)


def carry_out(target: Target, planned: Plan, token: str, before: Callable[[Step], None]) -> None:
    """Do it; `before` is called ahead of each remote act. Returns when the device confirmed.

    Unreachable before ARMED was announced, or any ConfigRejected before APPLIED: nothing was changed.
    After that every DriverError means that the device reverts by itself: ask `await_end`.
    """
    timers = target.timers
    with target.connect() as shell:
        before(Step.ARMED)
        started = time.monotonic()
        trial.arm(target.talk(shell), planned.diff, planned.fingerprint, token, timers.revert_s)
        before(Step.APPLIED)
        with suppress(Unreachable):  # the change may cut this login; the new one decides
            trial.apply(target.talk(shell), token)
    until = started + timers.revert_s - _CONFIRM_MARGIN_S
    _wait_for_reload(target, token, until - timers.settle_s)
    _verify_and_confirm(target, planned, token, lambda: before(Step.VERIFIED), until)


def finish(target: Target, token: str, wish: Wish | None) -> Ending:
    """Ask once how a trial stands that another process began, and confirm it if the device is as wished.

    Without a wish it is never confirmed. Raises Unreachable while it is open and not to be confirmed, and
    any other DriverError of the login.
    """
    with target.connect() as shell:
        talk = target.talk(shell)
        known = trial.status(talk, token)
        if known.token == token and (known.phase == "confirming" or _is_as_wished(talk, known, wish)):
            with suppress(VerifyFailed):  # its timer was quicker
                trial.confirm(talk, token)
            known = trial.status(talk, token)
    found = _ending(target.device, known, token)
    if isinstance(found, DriverError):
        raise found
    return found


def await_end(target: Target, token: str, wait_s: float) -> Ending:
    """Ask until the device says what became of a trial. Raises DriverError when it does not in `wait_s`."""

    def look(shell: Shell) -> Ending | DriverError:
        return _ending(target.device, trial.status(target.talk(shell), token), token)

    return _ask(target, time.monotonic() + wait_s, look)


def is_as_before(target: Target, planned: Plan) -> bool:
    """Whether the device's files are, octet for octet, those the plan was made for. Raises DriverError."""
    with target.connect() as shell:
        return trial.read(target.talk(shell)).fingerprint == planned.fingerprint


def _is_as_wished(talk: Talk, known: Trial, wish: Wish | None) -> bool:
    if wish is None or known.phase != "open" or not known.reloaded:
        return False
    try:
        planned = plan(talk, wish)
        return not planned.diff and _off_air(talk, planned) is None
    except (ConfigRejected, ValueRefused, UnexpectedReply):
        return False


def _ending(device: str, known: Trial, token: str) -> Ending | DriverError:
    verb = known.ending.partition(" ")[0]
    if verb in {"confirmed", "reverted"}:
        return Ending(verb)
    if known.token == token and known.phase != "none":
        return Unreachable(device, "its trial is still open", "ask again later")
    return Ending.ABSENT


def _wait_for_reload(target: Target, token: str, until: float) -> None:
    """Return when the device has reloaded its services and had time to settle."""

    def look(shell: Shell) -> Trial | DriverError:
        known = trial.status(target.talk(shell), token)
        if known.phase != "open" or known.token != token:
            raise VerifyFailed(target.device, "it ended the trial before it could be verified")
        return known if known.reloaded else VerifyFailed(target.device, "it never finished reloading")

    _ask(target, until, look)
    time.sleep(target.timers.settle_s)


def _verify_and_confirm(
    target: Target, planned: Plan, token: str, before: Callable[[], None], until: float
) -> None:
    """Confirm once the device's text is as wanted and, where it can tell, its networks are on the air."""

    def look(shell: Shell) -> Plan | DriverError:
        talk = target.talk(shell)
        again = plan(talk, planned.wish)
        if again.diff:
            raise VerifyFailed(target.device, "after the change it is not what it should be")
        silence = _off_air(talk, again)
        if silence is None:
            before()
            trial.confirm(talk, token)
        return silence or again

    _ask(target, until, look)


def _off_air(talk: Talk, planned: Plan) -> VerifyFailed | None:
    """Which names of ours are not on the air; None where all are or the device cannot tell."""
    said = trial.on_air(talk)
    if not said:
        return None
    try:
        down = talk.dialect.off_air(planned.wanted, said)
    except ValueError:
        return VerifyFailed(talk.device, "it does not say what is on the air")
    names = ", ".join(map(repr, down))
    return VerifyFailed(talk.device, f"after the change {names} is not on the air") if down else None


def _ask(target: Target, until: float, look: Callable[[Shell], T | DriverError]) -> T:
    """Log in and look, again and again with growing pauses, until there is an answer.

    Raises the last reason why there was none when time.monotonic() comes to `until`.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            with target.connect() as shell:
                found = look(shell)
            if not isinstance(found, DriverError):
                return found
        except (Unreachable, AuthFailed) as error:  # either may be the change's doing and pass with it
            found = error
        if time.monotonic() + pause_s >= until:
            raise found
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, target.timers.longest_pause_s)
