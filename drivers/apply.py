"""One change at one device: plan, arm its timer, apply, verify over a new login, confirm; or it reverts."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from drivers.change import Change
from drivers.configurers import features
from drivers.configurers.seam import Configurer, Phase, Running, Safety, Talk, Traits, Trial, Wish
from drivers.errors import (
    AuthFailed,
    ConfigRejected,
    DriverError,
    UnexpectedReply,
    Unreachable,
    ValueRefused,
    VerifyFailed,
)
from drivers.timing import revert_after, typing_s, within

if TYPE_CHECKING:
    from drivers.ssh import SshShell  # brings netmiko, which those who only plan or tell never need

T = TypeVar("T")
Login = AbstractContextManager["SshShell"]
Connect = Callable[[], Login]
"""Opens a new login each time it is called. Raises DriverError."""

FIRST_PAUSE_S: Final = 0.25
_REFUSED_PAUSE_S: Final = 5.0
_REFUSALS: Final = 3
STILL_OPEN: Final = "its trial is still open"
"""Why a device that answers cannot say how its trial ended."""

CONFIRM_MARGIN_S: Final = 2.0
"""Left for the confirmation itself before the device's timer ends."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds until the device reverts by itself, its services settle, it is back after a revert.

    `revert_s` None is derived from each change. A device that is waited for is asked at growing intervals,
    at most `longest_pause_s` apart.
    """

    revert_s: int | None = None
    settle_s: float = 3.0
    grace_s: float = 30.0
    command_s: float = 30.0
    longest_pause_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """A device to be changed: its name, how it is configured and entered, how long things may take."""

    device: str
    configurer: Configurer
    connect: Connect
    timers: Timers

    def talk(self, session: "SshShell") -> Talk:
        """One act after the other in this login."""
        return Talk(session, self.device, self.timers.command_s)


@dataclass(frozen=True, slots=True)
class Earlier:
    """As it was, but for the keys that are `revoked` since (lines as in Manage.revoked_keys)."""

    running: Running
    revoked: tuple[str, ...] = ()


Goal = Wish | Earlier
"""What a device should be: as wished, or as it was."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a device, and what it runs now.

    `staged` is the difference as the device computes it, where it can; `round_s` how long a login and a
    read took, `line_s` how long the quickest answer of its command line to that, 0 where it has none.
    """

    goal: Goal
    running: Running
    change: Change
    staged: str = ""
    round_s: float = 0.0
    line_s: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Of exactly the configuration that the plan was made for."""
        return self.running.fingerprint


class Step(StrEnum):
    """The remote acts of a change, each announced before it is done."""

    ARMED = "armed"
    APPLIED = "applied"
    VERIFIED = "verified"


class Ending(StrEnum):
    """What became of a trial, as the device tells."""

    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    ABSENT = "absent"  # it knows of no such trial, so its old configuration stands


def plan(target: Target, goal: Goal, *, stage: bool = False) -> Plan:
    """Log in, read the device and compare; with `stage` let the device itself compute the difference too.

    Writes nothing that stays. Raises DriverError.
    """
    started = time.monotonic()
    with target.connect() as session:
        session.answers_s.clear()
        talk = target.talk(session)
        found = compare(target, talk, goal)
        round_s, line_s = time.monotonic() - started, min(session.answers_s, default=0.0)
        staged = target.configurer.preview(talk, found.change) if stage and found.change else ""
    return replace(found, staged=staged, round_s=round_s, line_s=line_s)


def read(target: Target) -> Running:
    """Log in and read. Raises DriverError."""
    with target.connect() as session:
        return target.configurer.read(target.talk(session))


def revert_s(traits: Traits, timers: Timers, planned: Plan) -> int:
    """How long a device with these traits will wait for us before it reverts this change."""
    if timers.revert_s is not None:
        return within(traits, timers.revert_s)
    wished = planned.goal.intent if isinstance(planned.goal, Wish) else None
    return revert_after(planned.change, traits, wished, planned.round_s, planned.line_s)


def carry_out(target: Target, planned: Plan, token: str, before: Callable[[Step], None]) -> Running:
    """Do it; `before` is called ahead of each remote act. Returns what it runs once it confirmed.

    Unreachable before ARMED was announced, or any ConfigRejected before APPLIED: nothing was changed.
    After that every DriverError means that the device reverts, at the latest by its own timer: ask
    `await_end`. A device that has no timer is put back here if it can be reached.
    """
    timers = target.timers
    limit_s = revert_s(target.configurer.traits, timers, planned)
    with target.connect() as session:
        before(Step.ARMED)
        started = time.monotonic()
        talk = replace(target.talk(session), timeout_s=_act_s(target, planned))
        target.configurer.arm(talk, planned.change, planned.fingerprint, token, limit_s)
        before(Step.APPLIED)
        lost = ""
        try:
            target.configurer.apply(talk, planned.change, token)
        except Unreachable as error:  # the change may cut this login; the new one decides
            lost = error.reason
    until = started + limit_s - CONFIRM_MARGIN_S
    try:
        wait_for_reload(target, token, until - timers.settle_s)
        return confirm_verified(target, planned.goal, token, lambda: before(Step.VERIFIED), until)
    except DriverError as error:
        error.reason += f"; while it was applied, {lost}" if lost else ""
        raise


def _act_s(target: Target, planned: Plan) -> float:
    """How long one act may take that writes this change; a slow device needs longer for many lines."""
    traits = target.configurer.traits
    lines_s = typing_s(planned.change, traits, planned.round_s, planned.line_s)
    return max(target.timers.command_s, lines_s)


def take_back(target: Target, token: str) -> None:
    """Have the old configuration back now instead of when the timer ends. Raises DriverError."""
    with target.connect() as session:
        target.configurer.revert(target.talk(session), token)


def finish(target: Target, token: str, goal: Goal | None) -> Ending:
    """Ask once how a trial stands that another process began, and confirm it if the device is as wished.

    Without a goal it is never confirmed. A device that has no timer of its own is told to go back where it is
    not confirmed. Raises Unreachable while it is open, and any other DriverError of the login.
    """
    with target.connect() as session:
        talk = target.talk(session)
        known = target.configurer.status(talk, token)
        decided = known.phase is Phase.CONFIRMING
        if known.token == token and (decided or is_as_wished(target, talk, known, goal)):
            with suppress(VerifyFailed):  # its timer was quicker
                target.configurer.confirm(talk, token)
            known = target.configurer.status(talk, token)
        elif known.token == token and target.configurer.traits.safety is Safety.D:
            target.configurer.revert(talk, token)
            known = target.configurer.status(talk, token)
    found = ending_of(target.device, known, token)
    if isinstance(found, DriverError):
        raise found
    return found


def await_end(target: Target, token: str, wait_s: float) -> Ending:
    """Ask until the device says what became of a trial. Raises DriverError when it does not in `wait_s`."""

    def look(talk: Talk) -> Ending | DriverError:
        return ending_of(target.device, target.configurer.status(talk, token), token)

    return ask(target, time.monotonic() + wait_s, look)


def is_as_before(target: Target, planned: Plan) -> bool:
    """Whether the device's configuration is, octet for octet, the one planned for. Raises DriverError."""
    return read(target).fingerprint == planned.fingerprint


def compare(target: Target, talk: Talk, goal: Goal) -> Plan:
    """What would have to be done in this login's device. Raises DriverError."""
    running = target.configurer.read(talk)
    if isinstance(goal, Wish):
        features.check(target.configurer.platform, target.configurer.traits, goal.intent)
        change = target.configurer.change(target.device, running, goal)
    else:
        change = target.configurer.restoration(target.device, running, goal.running, goal.revoked)
    return Plan(goal, running, change)


def check(target: Target, talk: Talk, goal: Goal) -> Running | VerifyFailed:
    """What it runs where that is as wanted; VerifyFailed where its radios may still come on the air.

    Raises VerifyFailed where its text is not as wanted, and DriverError.
    """
    found = compare(target, talk, goal)
    if found.change:
        raise VerifyFailed(target.device, "after the change it is not what it should be")
    trouble = _trouble(target, talk, goal)
    return VerifyFailed(target.device, f"after the change {trouble}") if trouble else found.running


def is_as_wished(target: Target, talk: Talk, known: Trial, goal: Goal | None) -> bool:
    """Whether a trial that is open works with just what was wanted; without a goal it never does."""
    if goal is None or known.phase is not Phase.OPEN or not known.reloaded:
        return False
    try:
        return not compare(target, talk, goal).change and not _trouble(target, talk, goal)
    except (ConfigRejected, ValueRefused, UnexpectedReply):
        return False


def _trouble(target: Target, talk: Talk, goal: Goal) -> str:
    """An earlier configuration is believed when its text is back; what was in the air then, nobody knows."""
    return target.configurer.trouble(talk, goal) if isinstance(goal, Wish) else ""


def ending_of(device: str, known: Trial, token: str) -> Ending | DriverError:
    """How a trial ended, by what the device says of it; Unreachable while it is open."""
    if known.ending in {"confirmed", "reverted"}:
        return Ending(known.ending)
    if known.token == token and known.phase is not Phase.NONE:
        return Unreachable(device, STILL_OPEN, "ask again later")
    return Ending.ABSENT


def wait_for_reload(target: Target, token: str, until: float) -> None:
    """Return when the device has reloaded its services and had time to settle."""

    def look(talk: Talk) -> Trial | DriverError:
        known = target.configurer.status(talk, token)
        if known.phase is not Phase.OPEN or known.token != token:
            raise VerifyFailed(target.device, "it ended the trial before it could be verified")
        return known if known.reloaded else VerifyFailed(target.device, "it never finished reloading")

    ask(target, until, look)
    time.sleep(target.timers.settle_s)


def confirm_verified(
    target: Target, goal: Goal, token: str, before: Callable[[], None], until: float
) -> Running:
    """Confirm once the device's text is as wanted and, where it can tell, its networks are on the air.

    Raises DriverError when that is not so at time.monotonic() `until`.
    """

    def look(talk: Talk) -> Running | DriverError:
        found = check(target, talk, goal)
        if not isinstance(found, DriverError):
            before()
            target.configurer.confirm(talk, token)
        return found

    return ask(target, until, look)


def ask(target: Target, until: float, look: Callable[[Talk], T | DriverError]) -> T:
    """Log in and look, again and again with growing pauses, until there is an answer.

    Raises the last reason why there was none when time.monotonic() comes to `until`.
    """
    pause_s, refused = FIRST_PAUSE_S, 0
    while True:
        try:
            with target.connect() as session:
                found = look(target.talk(session))
            if not isinstance(found, DriverError):
                return found
        except Unreachable as error:
            found = error
        except AuthFailed as error:  # may be the change's doing and pass with it, but is never hammered
            found = error
            refused += 1
            pause_s = max(pause_s, _REFUSED_PAUSE_S)
            if refused == _REFUSALS:
                raise
        if time.monotonic() + pause_s >= until:
            raise found
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, target.timers.longest_pause_s)
