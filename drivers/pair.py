"""Both ends of a radio link changed as one: the far end first, for it is reached over the near one only."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from drivers import apply
from drivers.apply import CONFIRM_MARGIN_S, Plan, Step, Target
from drivers.configurers.seam import Running, Safety, Talk
from drivers.errors import ConfigRejected, DriverError, Unreachable
from drivers.timing import within

Announce = Callable[[str, Step, str], None]
"""(device, step, token of its trial), called ahead of each remote act."""

Checked = Callable[[Running], None]
"""Told what the near end runs, as wanted, ahead of the far end's confirmation."""

_ASSOCIATING_S: Final = 20.0  # until both ends have found each other again
_LATER_S: Final = 10.0  # the near end waits longer, so that it is there when the far one was confirmed
_LOGINS: Final = 4  # after the far end was confirmed, on a bad link


@dataclass(frozen=True, slots=True)
class End:
    """One end of the link: how it is reached, what is planned for it, and what its trial is called."""

    target: Target
    plan: Plan
    token: str

    @property
    def changes(self) -> bool:
        """Where there is nothing to change there is no trial, but the end is looked at all the same."""
        return bool(self.plan.change)


def limits_s(far: End, near: End) -> tuple[int, int]:
    """How long each end waits for us before it reverts: the near one until after the far one has ended.

    The far end's time is that of both changes, for it is not seen before the near one has followed; it is 0
    where there is nothing to change.
    """
    if not far.changes:
        return 0, alone_s(near)
    far_s = float(alone_s(far))
    if far.target.timers.revert_s is None:
        far_s += apply.revert_s(near.target.configurer.traits, near.target.timers, near.plan)
    later_s = _LATER_S + _LOGINS * near.plan.round_s
    traits, most_s = far.target.configurer.traits, near.target.configurer.traits.timer_most_s - later_s
    limit_s = within(traits, far_s)
    if limit_s > most_s:
        limit_s = int(most_s // traits.timer_step_s) * traits.timer_step_s
    return limit_s, within(near.target.configurer.traits, limit_s + later_s)


def alone_s(end: End) -> int:
    """How long one end waits whose change takes the link away, or brings it back."""
    traits, timers = end.target.configurer.traits, end.target.timers
    own_s = apply.revert_s(traits, timers, end.plan)
    if timers.revert_s is not None:
        return own_s
    return within(traits, own_s + timers.command_s + _ASSOCIATING_S)  # a login may die with the link unheard


def told_nobody(_running: Running) -> None:
    """For whom what the near end ran is of no use."""


def carry_out(
    far: End, near: End, before: Announce, checked: Checked = told_nobody
) -> tuple[Running, Running]:
    """Do it; returns what the far and the near end run once both have confirmed.

    Arms both, then changes the far end, which takes the link away, then the near one, which brings it back;
    looks at both over new logins; confirms the far end first, since the near one can always be reached.
    Raises DriverError: before the far end's ARMED was announced nothing was changed; after that ask
    `drivers.pair_end.settle`. A device without a timer of its own is refused where the far end changes.
    Where that does not, it has to answer over the link before the near one is confirmed.
    """
    if far.changes:
        _refuse_unarmed(far, near)
    changing = [end for end in (far, near) if end.changes]
    far_s, near_s = limits_s(far, near)
    limits = {far.token: far_s, near.token: near_s}
    with ExitStack() as logins:
        talks = [(end, end.target.talk(logins.enter_context(end.target.connect()))) for end in changing]
        started = time.monotonic()
        for end, talk in talks:
            before(end.target.device, Step.ARMED, end.token)
            _arm(end, talk, limits[end.token])
        lost = [_apply(end, talk, before) for end, talk in talks]
    until = started + (far_s if far.changes else near_s) - CONFIRM_MARGIN_S
    try:
        running = _come_back(far, near, until)
        if far.changes and near.changes:
            checked(running)
        return _confirm(far, near, before, until, started + near_s - CONFIRM_MARGIN_S)
    except DriverError as error:
        error.reason += "".join(f"; while it was applied, {each}" for each in lost if each)
        raise


def _refuse_unarmed(far: End, near: End) -> None:
    for end in (far, near):
        if end.changes and end.target.configurer.traits.safety is Safety.D:
            reason = "nothing on it undoes a change that takes its radio link away"
            raise ConfigRejected(end.target.device, reason, "change both ends by hand, at the site")


def _arm(end: End, talk: Talk, limit_s: int) -> None:
    end.target.configurer.arm(talk, end.plan.change, end.plan.fingerprint, end.token, limit_s)


def _apply(end: End, talk: Talk, before: Announce) -> str:
    """Returns why its login was lost, which is what a change of a link does; "" where it was not."""
    before(end.target.device, Step.APPLIED, end.token)
    try:
        end.target.configurer.apply(talk, end.plan.change, end.token)
    except Unreachable as error:
        return error.reason
    return ""


def _come_back(far: End, near: End, until: float) -> Running:
    """Both have reloaded, the link is up again, and the near end is as wanted; returns what that runs."""
    for end in (near, far):
        if end.changes:
            apply.wait_for_reload(end.target, end.token, until - end.target.timers.settle_s)
    running = _check(near, until)
    if not far.changes:
        _check(far, until)
    return running


def _check(end: End, until: float) -> Running:
    return apply.ask(end.target, until, lambda talk: apply.check(end.target, talk, end.plan.goal))


def _confirm(
    far: End, near: End, before: Announce, until: float, near_until: float
) -> tuple[Running, Running]:
    def confirmed(end: End, until: float) -> Running:
        if not end.changes:
            return end.plan.running

        def announce() -> None:
            before(end.target.device, Step.VERIFIED, end.token)

        return apply.confirm_verified(end.target, end.plan.goal, end.token, announce, until)

    return confirmed(far, until), confirmed(near, near_until)
