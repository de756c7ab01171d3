"""Takes one device to its intent, or back, and asks what became of a change that was broken off."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Final

from controller import audit, history, links
from controller import intent as wanting
from controller.access import Access
from controller.app import App, utc_now
from controller.errors import SecretError, StoreBusy
from controller.history import History, Seen
from controller.journal import OPEN, TURNS, Journal, Row, State
from controller.model import Inventory
from controller.planning import Planned, target, wish
from drivers import apply, pair, pair_end
from drivers.apply import Ending, Plan, Step, Target, Timers
from drivers.configurers.seam import Running, Wish
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import ConfigRejected, DriverError, Unreachable, VerifyFailed
from drivers.model import Device
from drivers.pair import End

ARMING_S: Final = 60
"""An upload over a slow line, before the device's timer even starts."""

_DERIVED: Final = Timers()
_NOT_YET: Final = "not yet known"
_LOST: Final = "out of reach after the change"
_MOST_DEATHS: Final = 3
ASKING_S: Final = 10.0
"""For a login at a device that may be dead, while others wait for the lock."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a device stands, with one sentence for a person."""

    device: str
    state: State
    detail: str = ""


Report = Callable[[Outcome], None]
"""Told of every state a device comes to, after it is in the journal and before the act it announces."""

Tell = Callable[[Row], None]
"""As Report, with the whole row."""


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


@dataclass(frozen=True, slots=True)
class Change:
    """A device that waits for its turn: its row as it stands, and what is to be done to it."""

    row: Row
    device: Device
    plan: Plan


def postpone(works: Works, planned: Iterable[Planned]) -> list[Planned]:
    """Leave devices alone whose earlier change, of an `apply` or of a rollout in waves, has not ended yet,
    and the other ends of their radio links."""
    rows = works.journal.on_trial()
    still_open = {name: row for row in rows for name in links.other_ends([row.device], works.inventory)}
    still_open |= {row.device: row for row in rows}
    return [
        replace(item, plan=None, error=_still_open(works, item.device.name, still_open[item.device.name]))
        if item.device.name in still_open
        else item
        for item in planned
    ]


def _still_open(works: Works, device: str, row: Row) -> Unreachable:
    """Why a device has to wait for a trial, its own or that of the other end of its link."""
    left_s = row.deadline_at - int(works.journal.clock().timestamp())
    when = f"within about {left_s} s" if left_s > 0 else "before now, and is asked as soon as it answers"
    hint = f"unconfirmed it reverts by itself {when}"
    if row.rollout in works.journal.unfinished():  # one in waves is not taken back so
        hint += f"; to take it back at once: plaza rollback {row.device}"
    whose = "" if row.device == device else f" of {row.device}"
    return Unreachable(device, f"an earlier change{whose} has not ended yet", hint)


@contextmanager
def alone(data_dir: Path, who: str = "") -> Iterator[None]:
    """Hold the right to change devices. Raises StoreBusy while another process of this machine has it.

    `who` is what the others are told of the holder, beside its process and person.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "rollout.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _holder(who).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 500, 0).decode(errors="replace")
        raise StoreBusy(f"{holder or 'another process'} is changing devices; wait until it is done") from None


def _holder(who: str) -> str:
    told = f"{who}, " if who else ""
    since = f"{utc_now().astimezone():%Y-%m-%d %H:%M:%S %z}"
    return f"{told}process {os.getpid()} of {audit.actor()}, since {since},"


def change_device(works: Works, change: Change, tell: Tell, far: End | None = None) -> Row:
    """One device, with a journal row before each remote act. Raises NotBegun once its rollout was stopped.

    `far` is the other end of its link, which is not changed and has to answer before this one stays.
    """
    near = End(target(works.access, change.device, works.timers), change.plan, token_hex(16))
    limit_s = apply.revert_s(near.target.configurer.traits, works.timers, near.plan)
    limit_s = limit_s if far is None else pair.alone_s(near)
    deadline = works.journal.clock() + timedelta(seconds=ARMING_S + limit_s)
    armed = replace(change.row, token=near.token, deadline_at=int(deadline.timestamp()))
    reached = change.row

    def before(step: Step) -> None:
        nonlocal reached
        reached = write(works.journal, replace(armed, state=State(step.value)), tell)

    keep(works, change.row, change.device, change.plan.running, "before")
    try:
        after = _carry_out(near, far, before)
    except DriverError as error:
        wait_s = limit_s + back_s(near.target, works.timers)
        return write(works.journal, _after_failure(near, reached, error, wait_s), tell)
    keep(works, change.row, change.device, after, "after")
    return write(works.journal, replace(reached, state=State.CONFIRMED), tell)


def _carry_out(end: End, far: End | None, before: Callable[[Step], None]) -> Running:
    """As `drivers.apply.carry_out`; a far end that is lost is this end's mistake."""
    if far is None:
        return apply.carry_out(end.target, end.plan, end.token, before)
    try:
        return pair.carry_out(far, end, lambda _device, step, _token: before(step))[1]
    except DriverError as error:
        if error.device != far.target.device:
            raise
        reason = f"after the change {error.device}, the other end of its link, is lost: {error.reason}"
        raise VerifyFailed(end.target.device, reason) from error


def on_trial_s(works: Works, device: Device, plan: Plan) -> int:
    """How long a change may lie at a device unconfirmed, from its beginning until it has surely reverted."""
    return ARMING_S + apply.revert_s(CONFIGURERS[device.platform].traits, works.timers, plan)


def keep(works: Works, row: Row, device: Device, running: Running, reason: str) -> None:
    """Put what a device runs into its history; `reason` as in `controller.history.Version`."""
    text = CONFIGURERS[device.platform].redacted(running)
    with TURNS:
        works.history.keep(device, Seen(running, text, reason, row.rollout))


def _after_failure(end: End, row: Row, error: DriverError, wait_s: float) -> Row:
    """What is true of the device now: nothing was sent, or the old state comes back by itself."""
    if row.state not in OPEN:
        state = State.PENDING if isinstance(error, Unreachable) else State.FAILED
        return replace(row, state=state, detail=error.reason)
    if row.state is State.ARMED and isinstance(error, ConfigRejected):
        mend = f"; {error.hint}" if error.hint else ""
        return replace(row, state=State.FAILED, detail=f"{error.reason}; nothing was changed{mend}")
    gone = isinstance(error, Unreachable) and row.state is not State.ARMED
    row = replace(row, detail=lost(error.reason) if gone else error.reason)
    try:
        if not isinstance(error, Unreachable):
            with suppress(DriverError):  # its own timer does the same, only later
                apply.take_back(end.target, row.token)
        ending = apply.await_end(end.target, row.token, wait_s)
        if ending is not Ending.CONFIRMED and not apply.is_as_before(end.target, end.plan):
            detail = f"{row.detail}; its old configuration should stand but it is not as it was"
            return replace(row, state=State.FAILED, detail=detail)
    except DriverError as later:
        return replace(row, detail=f"{row.detail}; since then {later.reason}")
    return _ended(row, ending)


def was_interrupted(row: Row) -> bool:
    """Whether a controller died in the middle of it; else its `detail` says what the device did wrong."""
    return row.state in OPEN and (not row.detail or row.detail.startswith(_NOT_YET))


def not_yet(reason: str) -> str:
    """What is noted of an interrupted trial that cannot be asked after."""
    return f"{_NOT_YET}: {reason}"


def lost(reason: str) -> str:
    """What is noted of a device that cannot be reached once its change was applied."""
    return f"{_LOST}: {reason}"


def again(row: Row) -> Row:
    """A device that is as it was because the controller died in its middle: its turn comes again, twice."""
    if row.attempts + 1 >= _MOST_DEATHS:
        return replace(
            row, state=State.ROLLED_BACK, detail="the controller died in its middle again and again"
        )
    detail = "the controller died in its middle, and its old configuration stands"
    return replace(row, state=State.PLANNED, token="", detail=detail, attempts=row.attempts + 1)


def was_lost(row: Row) -> bool:
    """Whether the device was out of reach once its change was applied, even if it is back since then."""
    return row.detail.startswith(_LOST)


def ask_after(works: Works, row: Row, *, unwanted: bool = False) -> Row:
    """What became of a trial that is open in the journal, after asking its device once; not yet written."""
    device = works.inventory.devices.get(row.device)
    if device is None or device.platform not in CONFIGURERS:
        detail = "Plaza no longer configures it; an unconfirmed change reverts by itself"
        return replace(row, state=State.FAILED, detail=detail)
    cause = "" if was_interrupted(row) else row.detail
    try:
        ask = _take_back if unwanted else _ask_once
        after = _ended(replace(row, detail=cause), ask(works, row, device))
    except (DriverError, SecretError) as error:
        said = error.reason if isinstance(error, DriverError) else str(error)
        return row if cause else replace(row, detail=not_yet(said))
    if after.state is State.CONFIRMED:
        with suppress(DriverError, SecretError):  # the look for drift keeps it, only later
            keep(works, row, device, apply.read(target(works.access, device, works.timers)), "after")
    return after


def end_interrupted(works: Works, row: Row) -> Row:
    """As `ask_after`; what a controller that died left on trial is taken back at once, if it cannot stay."""
    after = ask_after(works, row)
    if after.state in OPEN and after.detail == not_yet(apply.STILL_OPEN):
        return ask_after(works, row, unwanted=True)
    return after


def _take_back(works: Works, row: Row, device: Device) -> Ending:
    to = target(works.access, device, works.timers)
    apply.take_back(to, row.token)
    return apply.await_end(to, row.token, back_s(to, works.timers))


def back_s(to: Target, timers: Timers) -> float:
    """How long a device takes to be there again once it goes back."""
    traits = to.configurer.traits
    return timers.grace_s + (traits.reboot_s if traits.revert_reboots else 0)


def _ask_once(works: Works, row: Row, device: Device) -> Ending:
    """Confirm only what was journalled and still is wanted; whatever else is open ends by its own timer."""
    login_s = min(ASKING_S, works.access.login_timeout_s)
    works = replace(works, access=replace(works.access, login_timeout_s=login_s))
    goal = still_wished(works, row, device) if _far_end_answers(works, device) else None
    return apply.finish(target(works.access, device, works.timers), row.token, goal)


def _far_end_answers(works: Works, device: Device) -> bool:
    """Whether the device at the other end of its link can be entered over it; true where there is none."""
    (alone,) = links.together([device.name], works.inventory)
    if not alone.far:
        return True
    far = works.inventory.devices[alone.far]
    return not wanting.why_not(far) and pair_end.enters(target(works.access, far, works.timers))


def still_wished(works: Works, row: Row, device: Device) -> Wish | None:
    """What the device is to be, None where that is not what its row was planned for."""
    if wanting.why_not(device):
        return None
    try:
        wished = wish(works.inventory, works.access, device)
    except SecretError:
        return None
    return wished if wanting.held_to(wished.intent) == row.intent_hash else None


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


def write(journal: Journal, row: Row, tell: Tell) -> Row:
    """Make a row durable, and tell of it."""
    journal.write(row)
    tell(row)
    return row


def outcome_of(row: Row) -> Outcome:
    """A row as a person is told of it."""
    return Outcome(row.device, row.state, row.detail)
