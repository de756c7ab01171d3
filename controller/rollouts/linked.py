"""Both ends of a radio link in a rollout: their rows go together, and end at the same end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from typing import Final

from controller import rollout as one_device
from controller.history import TRIED
from controller.journal import OPEN, Row, State
from controller.planning import Planned, as_it_is, target
from controller.rollout import ARMING_S, Change, Works, back_s, still_wished
from controller.rollouts.agreed import done_already
from controller.rollouts.seam import Fits, Tell
from drivers import apply, pair, pair_end
from drivers.apply import Earlier, Ending, Goal, Plan, Step
from drivers.errors import AuthFailed, DriverError, Unreachable, VerifyFailed
from drivers.model import Device
from drivers.pair import Checked, End
from drivers.pair_end import Link, OnTrial, Talks

Ask = Callable[[Link, Talks], tuple[Ending, Ending]]

_REST_S: Final = 600  # between two attempts to bring the near end to a far one that does not answer
_OLD_AGAIN: Final = "its old configuration is back"
TOO_LATE: Final = "its timer would pass the end of the maintenance window"


@dataclass(slots=True)
class Rows:
    """The rows of both ends as they stand; each step is written before it is done."""

    works: Works
    tell: Tell
    by_device: dict[str, Row]
    deadline_at: int = 0

    def before(self, device: str, step: Step, token: str) -> None:
        """The next act, and the name of the trial that it belongs to."""
        row = self.by_device[device]
        deadline_at = self.deadline_at or row.deadline_at
        self.write(replace(row, state=State(step.value), token=token, deadline_at=deadline_at))

    def write(self, row: Row) -> None:
        """Durable on return."""
        self.by_device[row.device] = row
        one_device.write(self.works.journal, row, self.tell)

    @property
    def all(self) -> tuple[Row, ...]:
        """The far end's first."""
        return tuple(self.by_device.values())

    def end(self, changed: Callable[[Row], Row]) -> tuple[Row, ...]:
        """Write how each ended, unless that is written already."""
        for row in self.all:
            after = changed(row)
            if after != row:
                self.write(after)
        return self.all


@dataclass(frozen=True, slots=True)
class Pair:
    """Both ends, the far one first: what is planned for each, and their rows."""

    works: Works
    devices: tuple[Device, Device]
    plans: tuple[Plan, Plan]
    rows: Rows

    def ends(self) -> tuple[End, End]:
        """Each with a new name for its trial."""
        far, near = (
            End(target(self.works.access, device, self.works.timers), plan, token_hex(16))
            for device, plan in zip(self.devices, self.plans, strict=True)
        )
        return far, near


def change(
    works: Works, items: Sequence[Planned], given: Sequence[Row], fits: Fits, tell: Tell
) -> tuple[Row, ...]:
    """Change both ends, far end first; raises NotBegun where the rollout was stopped meanwhile."""
    plans = [item.plan for item in items if item.plan is not None]
    rows = Rows(works, tell, {row.device: row for row in given})
    if len(plans) < len(items):
        return _not_planned(items, rows)
    if not any(item.pending for item in items):
        return rows.end(done_already)
    both = Pair(works, (items[0].device, items[1].device), (plans[0], plans[1]), rows)
    far, near = both.ends()
    limit_s = ARMING_S + max(pair.limits_s(far, near))
    if not fits(limit_s):
        return tuple(replace(row, state=State.PLANNED, detail=TOO_LATE) for row in given)
    rows.deadline_at = int((works.journal.clock() + timedelta(seconds=limit_s)).timestamp())
    return _change(both, far, near)


def ask_far(works: Works, far: str) -> Planned:
    """Whether the far end of a link answers now: a plan that leaves it as it is, or why it does not."""
    return as_it_is(works.access, works.inventory.devices[far])


def change_near(works: Works, change: Change, far: Planned, fits: Fits, tell: Tell) -> Row:
    """Change the near end alone; it stays only where the far one, as `ask_far` found it, answers then, too.

    Not begun where the far end does not answer before; raises NotBegun where the rollout was stopped.
    """
    row, device = change.row, change.device
    if far.plan is None:
        state = State.PENDING if isinstance(far.error, Unreachable) else State.HELD
        return one_device.write(works.journal, replace(row, state=state, detail=_unheard(far, device)), tell)
    near = End(target(works.access, device, works.timers), change.plan, "")
    if not fits(ARMING_S + pair.alone_s(near)):
        return replace(row, state=State.PLANNED, detail=TOO_LATE)
    beyond = End(target(works.access, far.device, works.timers), far.plan, "")
    return one_device.change_device(works, change, tell, beyond)


def _unheard(far: Planned, near: Device) -> str:
    reason = far.error.reason if isinstance(far.error, DriverError) else str(far.error or far.left_alone)
    return (
        f"{far.device.name}, the far end of its link, cannot be asked whether it still answers ({reason}); "
        f"plaza apply {near.name} --typed {near.name} changes this end all the same"
    )


def _not_planned(items: Sequence[Planned], rows: Rows) -> tuple[Row, ...]:
    """One end that cannot be planned keeps the other from being changed."""
    errors: Mapping[str, Exception] = {
        item.device.name: item.error for item in items if item.error is not None
    }
    other = f"not without the other end of its link: {'; '.join(map(str, errors.values()))}"
    away = all(isinstance(error, Unreachable) for error in errors.values())

    def ended(row: Row) -> Row:
        error = errors.get(row.device)
        reason = error.reason if isinstance(error, DriverError) else str(error or other)
        if away:
            return replace(row, state=State.PENDING, detail=reason)
        return replace(row, state=State.FAILED if error else State.HELD, detail=reason)

    return rows.end(ended)


def _change(both: Pair, far: End, near: End) -> tuple[Row, ...]:
    given = both.rows.all
    changes = [
        Change(replace(row, diff=plan.change.text), device, plan)
        for row, device, plan in zip(given, both.devices, both.plans, strict=True)
    ]
    both.rows.by_device = {each.row.device: each.row for each in changes}
    for each in changes:
        one_device.keep(both.works, each.row, each.device, each.plan.running, "before")
    try:
        after = pair.carry_out(far, near, both.rows.before, _keeping(both.works, given[1], both.devices[1]))
    except DriverError as error:
        return _after_failure(both, far, near, error)
    for each, running in zip(changes, after, strict=True):
        one_device.keep(both.works, each.row, each.device, running, "after")
    return both.rows.end(_confirmed)


def _keeping(works: Works, near: Row, device: Device) -> Checked:
    """From the moment at which the far end may be confirmed the near one can be made what it then was."""
    return lambda running: one_device.keep(works, near, device, running, TRIED)


def _confirmed(row: Row) -> Row:
    """Who had nothing to change had no trial."""
    state = State.CONFIRMED if row.state in OPEN else row.state
    if state in {State.PLANNED, State.PENDING}:
        return replace(row, state=State.SKIPPED, detail="as intended")
    return replace(row, state=state)


def _after_failure(both: Pair, far: End, near: End, error: DriverError) -> tuple[Row, ...]:
    """Nothing was begun, or both go back, at the latest by their own timers."""
    rows = both.rows
    if not any(row.state in OPEN for row in rows.all):
        state = State.PENDING if isinstance(error, Unreachable) else State.FAILED
        return rows.end(lambda row: replace(row, state=state, detail=error.reason))
    began = all(row.state is State.ARMED for row in rows.all if row.state in OPEN)
    detail = error.reason if began or not isinstance(error, Unreachable) else one_device.lost(error.reason)
    wait_s = max(pair.limits_s(far, near)) + max(back_s(end.target, both.works.timers) for end in (far, near))
    link = _link(rows, far, near)
    try:
        endings = pair_end.settle(link, Talks(rows.before, lambda: token_hex(16)), wait_s)
        as_before = [
            Ending.CONFIRMED in endings or apply.is_as_before(end.target, end.plan) for end in (far, near)
        ]
    except DriverError as later:
        return _still_open(rows, f"{detail}; since then {later.reason}", later)
    if not all(as_before):
        said = f"{detail}; its old configuration should stand but it is not as it was"
        return rows.end(lambda row: replace(row, state=State.FAILED, detail=said))
    return rows.end(lambda row: _as_ended(row, endings, detail))


def _link(rows: Rows, far: End, near: End) -> Link:
    ends = [
        OnTrial(end.target, rows.by_device[end.target.device].token, end.plan.goal) for end in (far, near)
    ]
    return Link(ends[0], ends[1], _reached(rows.by_device[far.target.device]))


def _reached(far: Row) -> Step:
    """The last step that was announced at the far end."""
    if far.state in {State.ARMED, State.APPLIED}:
        return Step(far.state.value)
    return Step.VERIFIED if far.state in {State.VERIFIED, State.CONFIRMED} else Step.ARMED


def _still_open(rows: Rows, said: str, error: DriverError) -> tuple[Row, ...]:
    """Who does not answer is asked again; ends that differ for good are a failure."""
    known = not isinstance(error, Unreachable | AuthFailed)
    if isinstance(error, VerifyFailed):
        near = error.device
        mend = f"once the inventory says again what was tried: plaza apply {near} --typed {near}"
        said = f"{error.reason}; {mend}"

    def changed(row: Row) -> Row:
        if row.state not in OPEN:
            return row
        return replace(row, detail=said, state=State.FAILED if known else row.state)

    return rows.end(changed)


def _as_ended(row: Row, endings: tuple[Ending, Ending], cause: str) -> Row:
    if row.state not in {*OPEN, State.PLANNED, State.PENDING}:
        return row
    if Ending.CONFIRMED in endings:
        return _confirmed(replace(row, detail=""))
    said = f"{cause}; " if cause else ""
    return replace(row, state=State.ROLLED_BACK, detail=f"{said}{_OLD_AGAIN}")


def _back(row: Row) -> Row:
    return replace(row, state=State.ROLLED_BACK, detail=_OLD_AGAIN)


@dataclass(frozen=True, slots=True)
class Asking:
    """How both ends are asked; `died` makes the row of a device that is as it was since a controller died."""

    ask: Ask = pair_end.finish
    died: Callable[[Row], Row] = _back


def resume(
    works: Works, devices: Sequence[Device], given: Sequence[Row], tell: Tell, asking: Asking
) -> tuple[Row, ...]:
    """Ask both ends what became of their trials, and bring one to the other.

    Where the far end was confirmed the near one follows it to what was tried, though that is wished no more.
    """
    rows = Rows(works, tell, {row.device: row for row in given})
    interrupted = all(one_device.was_interrupted(row) for row in given if row.state in OPEN)
    cause = "" if interrupted else next(row.detail for row in given if row.state in OPEN)
    goals: list[Goal | None] = [
        still_wished(works, row, device) for device, row in zip(devices, given, strict=True)
    ]
    goals[1] = goals[1] or _tried(works, given[1], devices[1])
    ends = [
        OnTrial(target(works.access, device, works.timers), row.token, goal)
        for device, row, goal in zip(devices, given, goals, strict=True)
    ]
    now, near = int(works.journal.clock().timestamp()), given[1]
    link = Link(ends[0], ends[1], _reached(given[0]), rests=now < near.next_at)
    keeping = _keeping(works, near, devices[1])
    try:
        endings = asking.ask(link, Talks(rows.before, lambda: token_hex(16), keeping))
    except DriverError as error:
        after = rows.by_device[near.device]
        if after.token != near.token:  # it was changed again, in vain
            rows.write(replace(after, next_at=now + _REST_S))
        return _still_open(rows, cause or one_device.not_yet(error.reason), error)
    if interrupted and Ending.CONFIRMED not in endings:
        return rows.end(lambda row: asking.died(row) if row.state in OPEN else row)
    return rows.end(lambda row: _as_ended(row, endings, cause))


def _tried(works: Works, row: Row, device: Device) -> Goal | None:
    tried = works.history.tried(device, row.rollout)
    return Earlier(tried, device.manage.revoked_keys) if tried is not None else None


def take_back(link: Link, talks: Talks) -> tuple[Ending, Ending]:
    """Both ends go back now, unless the far one was confirmed already; waits until they have."""
    wait_s = max(back_s(end.target, end.target.timers) for end in (link.far, link.near))
    return pair_end.settle(link, talks, wait_s)
