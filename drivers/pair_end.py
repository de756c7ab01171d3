"""How the ends of a radio link whose change was broken off come to the same end: both old, or both new."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from drivers import apply
from drivers.apply import CONFIRM_MARGIN_S, Ending, Goal, Step, Target
from drivers.configurers.seam import Phase, Talk, Trial
from drivers.errors import DriverError, Unreachable, VerifyFailed
from drivers.pair import Announce, Checked, End, alone_s, told_nobody

_GONE: Final = frozenset({Ending.REVERTED, Ending.ABSENT})


class Yet(Enum):
    """What can be said of an end whose trial has not ended, as far as we know."""

    OPEN = auto()
    AWAY = auto()  # it does not answer


Standing = Ending | Yet


class Aim(Enum):
    """What is wished of a trial that is open at both ends."""

    KEEP = auto()  # if both are as wanted; else their timers take it back
    GO_BACK = auto()


class Act(Enum):
    """What brings both ends nearer to the same end."""

    NOTHING = auto()  # both have ended
    WAIT = auto()  # for a timer, or for the link
    KEEP_BOTH = auto()
    KEEP_NEAR = auto()
    RENEW_NEAR = auto()  # it went back, and the far end stays new or is out of reach for that reason
    BACK_NEAR = auto()
    BACK_BOTH = auto()


@dataclass(frozen=True, slots=True)
class OnTrial:
    """One end: `token` "" where nothing was armed, `goal` None where what was tried is wanted no more."""

    target: Target
    token: str
    goal: Goal | None


@dataclass(frozen=True, slots=True)
class Link:
    """Both ends, and the last step that was announced for the far one: once VERIFIED, it may be confirmed.

    `rests`: the near end was changed again in vain a short while ago, and is left alone for now unless the
    far one answers, for what hangs on it loses its network each time.
    """

    far: OnTrial
    near: OnTrial
    reached: Step
    rests: bool = False

    @property
    def far_may_stay(self) -> bool:
        """Whether somebody may have confirmed the far end."""
        return self.reached is Step.VERIFIED

    def told(self, device: str, step: Step, token: str) -> "Link":
        """As it is once a step was announced."""
        if device == self.far.target.device:
            return replace(self, reached=step)
        return replace(self, near=replace(self.near, token=token))


@dataclass(frozen=True, slots=True)
class Talks:
    """What is announced before each act, and what a new trial is called."""

    before: Announce
    new_token: Callable[[], str]
    checked: Checked = told_nobody


def finish(link: Link, talks: Talks) -> tuple[Ending, Ending]:
    """Ask each end once about the trials that another process began; confirm them if both are as wanted.

    An end that is behind the other is brought there: where the far one was confirmed and the near one went
    back, that is changed again, under a new trial. Raises Unreachable while an end is open or does not
    answer, any other DriverError of a login, and VerifyFailed where the ends differ for good.
    """
    return _once(link, talks, Aim.KEEP)


def go_back(link: Link, talks: Talks) -> tuple[Ending, Ending]:
    """As `finish`, and ends that are open are told to go back, unless the far one was confirmed already."""
    return _once(link, talks, Aim.GO_BACK)


def settle(link: Link, talks: Talks, wait_s: float) -> tuple[Ending, Ending]:
    """`go_back` until both have ended; raises the last reason why not when they have not in `wait_s`."""
    until = time.monotonic() + wait_s
    pause_s = apply.FIRST_PAUSE_S

    def before(device: str, step: Step, token: str) -> None:
        nonlocal link
        talks.before(device, step, token)
        link = link.told(device, step, token)

    while True:
        try:
            return go_back(link, replace(talks, before=before))
        except Unreachable:
            if time.monotonic() + pause_s >= until:
                raise
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, link.near.target.timers.longest_pause_s)


def next_act(far: Standing, near: Standing, aim: Aim, far_may_stay: bool) -> Act:
    """What to do now; pure. The near end is confirmed only after the far one was."""
    if near is Yet.AWAY:
        return Act.WAIT
    if far is Ending.CONFIRMED or near is Ending.CONFIRMED:
        return _follow(near)
    if far in _GONE:
        return Act.BACK_NEAR if near is Yet.OPEN else Act.NOTHING
    if far is Yet.OPEN:
        keep = aim is Aim.KEEP
        return Act.BACK_BOTH if not keep else Act.KEEP_BOTH if near is Yet.OPEN else Act.WAIT
    if near is Yet.OPEN:
        return Act.BACK_NEAR if aim is Aim.GO_BACK and not far_may_stay else Act.WAIT
    return Act.RENEW_NEAR if far_may_stay else Act.WAIT


def _follow(near: Standing) -> Act:
    """The far end stays new: so must the near one."""
    if near is Ending.CONFIRMED:
        return Act.NOTHING
    return Act.KEEP_NEAR if near is Yet.OPEN else Act.RENEW_NEAR


def _once(link: Link, talks: Talks, aim: Aim) -> tuple[Ending, Ending]:
    if not (link.far.token and link.near.token):
        return _one_of_both(link, aim)
    far, near = _standing(link.far), _standing(link.near)
    act = next_act(far, near, aim, link.far_may_stay)
    if act is Act.RENEW_NEAR and not (link.rests and far is Yet.AWAY):
        return _renew(link, talks)
    if act in {Act.KEEP_BOTH, Act.KEEP_NEAR, Act.BACK_NEAR, Act.BACK_BOTH}:
        _do(act, link, talks)
        far, near = _standing(link.far), _standing(link.near)
        act = next_act(far, near, aim, link.far_may_stay)
    if act is not Act.NOTHING or isinstance(near, Yet):
        raise Unreachable(_slow(link, far), "its trial is still open", "ask again later")
    return Ending.CONFIRMED if isinstance(far, Yet) else far, near


def _slow(link: Link, far: Standing) -> str:
    return (link.far if isinstance(far, Yet) else link.near).target.device


def _one_of_both(link: Link, aim: Aim) -> tuple[Ending, Ending]:
    """Only one end has a trial. The near one never stays new where the far one cannot be entered."""
    if link.far.token:
        return _alone(link.far, link.far.goal, aim), Ending.ABSENT
    if not link.near.token:
        return Ending.ABSENT, Ending.ABSENT
    goal = link.near.goal if enters(link.far.target) else None
    return Ending.ABSENT, _alone(link.near, goal, aim)


def _alone(end: OnTrial, goal: Goal | None, aim: Aim) -> Ending:
    if aim is Aim.GO_BACK:
        apply.take_back(end.target, end.token)
        goal = None
    return apply.finish(end.target, end.token, goal)


def enters(target: Target) -> bool:
    """Whether it answers in a new login. Raises any DriverError but Unreachable."""
    try:
        apply.read(target)
    except Unreachable:
        return False
    return True


def _standing(end: OnTrial) -> Standing:
    """Asks once; a confirmation that was decided there is brought to its end."""
    try:
        with end.target.connect() as session:
            talk = end.target.talk(session)
            known = end.target.configurer.status(talk, end.token)
            if known.token == end.token and known.phase is Phase.CONFIRMING:
                with suppress(VerifyFailed):
                    end.target.configurer.confirm(talk, end.token)
                known = end.target.configurer.status(talk, end.token)
    except Unreachable:
        return Yet.AWAY
    found = apply.ending_of(end.target.device, known, end.token)
    return Yet.OPEN if isinstance(found, DriverError) else found


def _do(act: Act, link: Link, talks: Talks) -> None:
    if act is Act.BACK_BOTH:
        with suppress(DriverError):  # its own timer does the same, only later
            apply.take_back(link.far.target, link.far.token)
    if act in {Act.BACK_BOTH, Act.BACK_NEAR}:
        apply.take_back(link.near.target, link.near.token)
    elif act is Act.KEEP_NEAR or (_is_as_wanted(link.near, talks) and _keep(link.far, talks)):
        _keep(link.near, talks)


def _is_as_wanted(near: OnTrial, talks: Talks) -> bool:
    configurer = near.target.configurer
    with near.target.connect() as session:
        talk = near.target.talk(session)
        if not _works(near, talk, configurer.status(talk, near.token)):
            return False
        talks.checked(configurer.read(talk))
    return True


def _keep(end: OnTrial, talks: Talks) -> bool:
    """Confirm it if it is as wanted; returns whether it was. What is not yet so ends by its own timer."""
    with end.target.connect() as session:
        talk = end.target.talk(session)
        if not _works(end, talk, end.target.configurer.status(talk, end.token)):
            return False
        talks.before(end.target.device, Step.VERIFIED, end.token)
        try:
            end.target.configurer.confirm(talk, end.token)
        except VerifyFailed:  # its timer was quicker
            return False
    return True


def _works(end: OnTrial, talk: Talk, known: Trial) -> bool:
    """Whether its trial is open and is what was wanted."""
    return known.token == end.token and apply.is_as_wished(end.target, talk, known, end.goal)


def _renew(link: Link, talks: Talks) -> tuple[Ending, Ending]:
    """Change the near end again and look whether the far one, which nobody else can reach, is there then."""
    target, goal = link.near.target, link.near.goal
    if goal is None:
        reason = f"{link.far.target.device} keeps the new configuration, and this end of its link has the old"
        raise VerifyFailed(target.device, reason, "make the inventory say again what was tried, then retry")
    planned = apply.plan(target, goal)
    if planned.change:
        _change_again(link.far, End(target, planned, talks.new_token()), talks)
    elif _standing(link.far) is not Ending.CONFIRMED:
        raise Unreachable(link.far.target.device, "the other end is new, and it does not answer")
    return Ending.CONFIRMED, Ending.CONFIRMED


def _change_again(far: OnTrial, near: End, talks: Talks) -> None:
    """Takes it back where the far end is not there then."""
    target, started = near.target, time.monotonic()
    limit_s = alone_s(near)
    try:
        with target.connect() as session:
            talk = target.talk(session)
            talks.before(target.device, Step.ARMED, near.token)
            target.configurer.arm(talk, near.plan.change, near.plan.fingerprint, near.token, limit_s)
            talks.before(target.device, Step.APPLIED, near.token)
            with suppress(Unreachable):
                target.configurer.apply(talk, near.plan.change, near.token)
        until = started + limit_s - CONFIRM_MARGIN_S
        apply.wait_for_reload(target, near.token, until - target.timers.settle_s)
        _await_far(far, talks, until)
        apply.confirm_verified(target, near.plan.goal, near.token, lambda: _announce(near, talks), until)
    except DriverError:
        with suppress(DriverError):  # its own timer does the same, only later
            apply.take_back(target, near.token)
        raise


def _announce(end: End, talks: Talks) -> None:
    talks.before(end.target.device, Step.VERIFIED, end.token)


def _await_far(far: OnTrial, talks: Talks, until: float) -> None:
    """Return once the far end is there and has confirmed."""

    def look(talk: Talk) -> Ending | DriverError:
        known = far.target.configurer.status(talk, far.token)
        if _works(far, talk, known):
            talks.before(far.target.device, Step.VERIFIED, far.token)
            far.target.configurer.confirm(talk, far.token)
            return Ending.CONFIRMED
        return apply.ending_of(far.target.device, known, far.token)

    if apply.ask(far.target, until, look) is not Ending.CONFIRMED:
        raise Unreachable(far.target.device, "it went back after all", "the near end goes back, too")
