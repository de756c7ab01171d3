"""Takes devices to their intent: a canary first, then one by one, stopping at the first failure."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Final

from controller import audit, history
from controller import intent as wanting
from controller.access import Access
from controller.app import App, utc_now
from controller.errors import RolloutHalted, SecretError, StoreBusy
from controller.history import History, Seen
from controller.journal import OPEN, Journal, Row, State
from controller.model import Inventory
from controller.planning import Planned, target, wish
from drivers import apply
from drivers.apply import Ending, Goal, Plan, Step, Target, Timers
from drivers.configurers.seam import Running, Wish
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import ConfigRejected, DriverError, Unreachable
from drivers.model import Device

_ARMING_S: Final = 60  # an upload over a slow line, before the device's timer even starts
_DERIVED: Final = Timers()
_ASKING_S: Final = 10.0  # for a login at a device that may be dead, while others wait for the lock


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a device stands, with one sentence for a person."""

    device: str
    state: State
    detail: str = ""


Report = Callable[[Outcome], None]
"""Told of every state a device comes to, after it is in the journal and before the act it announces."""


@dataclass(frozen=True, slots=True)
class Works:
    """What a rollout is done with."""

    inventory: Inventory
    access: Access
    journal: Journal
    history: History
    timers: Timers


def access_of(app: App) -> Access:
    """How this process enters devices."""
    return Access(app.secrets, app.engine, devices=app.inventory.devices)


def works_of(app: App, timers: Timers = _DERIVED) -> Works:
    """What this process does a rollout with."""
    data_dir, actor = app.settings.data_dir, audit.actor()
    journal = Journal(app.engine, audit.load_key(data_dir), actor, utc_now)
    kept = History(app.engine, history.load_key(data_dir), actor, utc_now)
    return Works(app.inventory, access_of(app), journal, kept, timers)


def run(works: Works, selector: str, planned: Sequence[Planned], report: Report) -> tuple[Outcome, ...]:
    """Carry out what was planned, in this order. Returns how every device ended.

    Raises RolloutHalted after the first failure, when the rest is held; the journal holds all of it.
    """
    rest = tuple(_outcome_without_change(item) for item in planned if not item.pending)
    for outcome in rest:
        report(outcome)
    changes = [(item.device, item.plan) for item in planned if item.plan is not None and item.pending]
    if not changes:
        return rest
    name = token_hex(8)
    rows = {item.device.name: _first_row(name, item) for item in planned}
    works.journal.begin(name, selector, rows.values())
    waiting = [_Change(rows[device.name], device, plan) for device, plan in changes]
    done = _carry_out_all(works, waiting, report)
    works.journal.close(name, "done")
    return (*rest, *done)


@dataclass(frozen=True, slots=True)
class _Change:
    """A device that waits for its turn."""

    row: Row
    device: Device
    plan: Plan


def _carry_out_all(works: Works, waiting: Sequence[_Change], report: Report) -> list[Outcome]:
    done: list[Outcome] = []
    for number, change in enumerate(waiting):
        row = _change(works, change, report)
        done.append(_outcome(row))
        if row.state not in {State.CONFIRMED, State.PENDING}:
            for held in waiting[number + 1 :]:
                _write(works, replace(held.row, state=State.HELD), report)
            if row.state not in OPEN:
                works.journal.close(row.rollout, "halted")
            raise RolloutHalted("the canary" if number == 0 else "the wave", [f"{row.device}: {row.detail}"])
    return done


def resume(works: Works, report: Report, unwanted: frozenset[str] = frozenset()) -> tuple[Outcome, ...]:
    """Ask once after what a controller that died left open: confirm each trial, or note that it reverted.

    A trial of a device of `unwanted` is taken back instead, and waited for. Devices it had not come to are
    held. A trial that is still open, or a device that does not answer, stays as it is, and its rollout stays
    open for the next call.
    """
    outcomes: list[Outcome] = []
    for name, rows in works.journal.unfinished().items():
        ended = [_resume_row(works, row, report, row.device in unwanted) for row in rows]
        outcomes += [_outcome(row) for row in ended]
        if not any(row.state in OPEN for row in ended):
            works.journal.close(name, "halted")
    return tuple(outcomes)


def postpone(planned: Iterable[Planned], resumed: Iterable[Outcome]) -> list[Planned]:
    """Leave devices alone whose earlier change has not ended yet."""
    still_open = {outcome.device for outcome in resumed if outcome.state in OPEN}
    reason, hint = "an earlier change has not ended yet", "unconfirmed it reverts by itself; try again then"
    return [
        replace(item, plan=None, error=Unreachable(item.device.name, reason, hint))
        if item.device.name in still_open
        else item
        for item in planned
    ]


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold the right to change devices. Raises StoreBusy while another process of this machine has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "rollout.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreBusy("another process is changing devices; wait until it is done") from None


def _change(works: Works, change: _Change, report: Report) -> Row:
    """One device, with a journal row before each remote act."""
    to = target(works.access, change.device, works.timers)
    limit_s = apply.revert_s(to.configurer.traits, works.timers, change.plan)
    deadline = works.journal.clock() + timedelta(seconds=_ARMING_S + limit_s)
    armed = replace(change.row, token=token_hex(16), deadline_at=int(deadline.timestamp()))
    reached = change.row

    def before(step: Step) -> None:
        nonlocal reached
        reached = _write(works, replace(armed, state=State(step.value)), report)

    _keep(works, change, change.plan.running, "before")
    try:
        after = apply.carry_out(to, change.plan, armed.token, before)
    except DriverError as error:
        wait_s = limit_s + _back_s(to, works.timers)
        return _write(works, _after_failure(to, reached, change.plan, error, wait_s), report)
    _keep(works, change, after, "after")
    return _write(works, replace(reached, state=State.CONFIRMED), report)


def _keep(works: Works, change: _Change, running: Running, reason: str) -> None:
    text = CONFIGURERS[change.device.platform].redacted(running)
    works.history.keep(change.device, Seen(running, text, reason, change.row.rollout))


def _after_failure(to: Target, row: Row, plan: Plan, error: DriverError, wait_s: float) -> Row:
    """What is true of the device now: nothing was sent, or the old state comes back by itself."""
    if row.state is State.PLANNED:
        state = State.PENDING if isinstance(error, Unreachable) else State.FAILED
        return replace(row, state=state, detail=error.reason)
    if row.state is State.ARMED and isinstance(error, ConfigRejected):
        return replace(row, state=State.FAILED, detail=f"{error.reason}; nothing was changed")
    row = replace(row, detail=error.reason)
    try:
        if not isinstance(error, Unreachable):
            with suppress(DriverError):  # its own timer does the same, only later
                apply.take_back(to, row.token)
        ending = apply.await_end(to, row.token, wait_s)
        if ending is not Ending.CONFIRMED and not apply.is_as_before(to, plan):
            detail = f"{row.detail}; its old configuration should stand but it is not as it was"
            return replace(row, state=State.FAILED, detail=detail)
    except DriverError as later:
        return replace(row, detail=f"{row.detail}; since then {later.reason}")
    return _ended(row, ending)


def _resume_row(works: Works, row: Row, report: Report, unwanted: bool) -> Row:
    if row.state is State.PLANNED:
        detail = "the controller stopped before it came to this device"
        return _write(works, replace(row, state=State.HELD, detail=detail), report)
    if row.state not in OPEN:
        return row
    device = works.inventory.devices.get(row.device)
    if device is None or device.platform not in CONFIGURERS:
        detail = "Plaza no longer configures it; an unconfirmed change reverts by itself"
        return _write(works, replace(row, state=State.FAILED, detail=detail), report)
    try:
        ask = _take_back if unwanted else _ask_once
        after = _ended(replace(row, detail=""), ask(works, row, device))
    except DriverError as error:
        after = replace(row, detail=f"not yet known: {error.reason}")
    except SecretError as error:
        after = replace(row, detail=f"not yet known: {error}")
    return after if after == row else _write(works, after, report)


def _take_back(works: Works, row: Row, device: Device) -> Ending:
    to = target(works.access, device, works.timers)
    apply.take_back(to, row.token)
    return apply.await_end(to, row.token, _back_s(to, works.timers))


def _back_s(to: Target, timers: Timers) -> float:
    """How long a device takes to be there again once it goes back."""
    traits = to.configurer.traits
    return timers.grace_s + (traits.reboot_s if traits.revert_reboots else 0)


def _ask_once(works: Works, row: Row, device: Device) -> Ending:
    """Confirm only what was journalled and still is wanted; whatever else is open ends by its own timer."""
    login_s = min(_ASKING_S, works.access.login_timeout_s)
    to = target(replace(works.access, login_timeout_s=login_s), device, works.timers)
    return apply.finish(to, row.token, _still_wished(works, row, device))


def _still_wished(works: Works, row: Row, device: Device) -> Wish | None:
    if wanting.why_not(device):
        return None
    try:
        wished = wish(works.inventory, works.access, device)
    except SecretError:
        return None
    return wished if wanting.digest(wished.intent) == row.intent_hash else None


def _ended(row: Row, ending: Ending) -> Row:
    said = f"{row.detail}; " if row.detail else ""
    match ending:
        case Ending.CONFIRMED:
            return replace(row, state=State.CONFIRMED, detail=row.detail)
        case Ending.REVERTED:
            return replace(row, state=State.ROLLED_BACK, detail=f"{said}its old configuration is back")
        case Ending.ABSENT:
            return replace(
                row,
                state=State.FAILED,
                detail=f"{said}it knows of no change of ours; its old configuration stands",
            )


def _outcome_without_change(item: Planned) -> Outcome:
    name = item.device.name
    if item.left_alone:
        return Outcome(name, State.SKIPPED, item.left_alone)
    if item.held:
        return Outcome(name, State.HELD, item.held)
    if isinstance(item.error, Unreachable):
        return Outcome(name, State.PENDING, item.error.reason)
    if item.error is not None:
        return Outcome(name, State.FAILED, str(item.error).removeprefix(f"{name}: "))
    return Outcome(name, State.SKIPPED, "as intended")


def _first_row(rollout: str, item: Planned) -> Row:
    if item.plan is not None and item.pending:
        goal_hash = _goal_hash(item.plan.goal)
        return Row(rollout, item.device.name, State.PLANNED, goal_hash, diff=item.plan.change.text)
    outcome = _outcome_without_change(item)
    return Row(rollout, outcome.device, outcome.state, intent_hash="", detail=outcome.detail)


def _goal_hash(goal: Goal) -> str:
    """What a resumed controller compares with what is wanted then; a restoration is never taken up again."""
    return wanting.digest(goal.intent) if isinstance(goal, Wish) else f"restore {goal.fingerprint[:56]}"


def _write(works: Works, row: Row, report: Report) -> Row:
    works.journal.write(row)
    report(_outcome(row))
    return row


def _outcome(row: Row) -> Outcome:
    return Outcome(row.device, row.state, row.detail)
