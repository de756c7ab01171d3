"""One `plaza apply`: a canary first, then one after the other, stopping at the first failure."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Final

from controller import intent as wanting
from controller import links
from controller import rollout as one_device
from controller.errors import RolloutHalted
from controller.journal import OPEN, Row, State
from controller.links import Together
from controller.planning import Planned, touches_only_keys
from controller.rollout import Change, Outcome, Report, Tell, Works, outcome_of, write
from controller.rollouts import linked
from controller.rollouts.seam import Fits
from drivers import pair_end
from drivers.apply import Goal
from drivers.configurers.seam import Wish
from drivers.errors import Unreachable

_GOES_ON: Final = frozenset({State.CONFIRMED, State.PENDING, State.SKIPPED})
_AT_ANY_TIME: Final[Fits] = lambda _seconds: True  # noqa: E731


def run(
    works: Works, selector: str, planned: Sequence[Planned], report: Report, typed: Collection[str] = ()
) -> tuple[Outcome, ...]:
    """Carry out what was planned, in this order. Returns how every device ended.

    Both ends of a radio link are changed as one, and a near end alone only where the far one answers before
    and after; who is `typed` by name is changed although its far end does not answer. Raises RolloutHalted
    after the first failure, when the rest is held; the journal holds all of it.
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
    waiting = [Change(rows[device.name], device, plan) for device, plan in changes]
    done = _carry_out_all(works, waiting, report, typed)
    works.journal.close(name, "done")
    return (*rest, *done)


def _carry_out_all(
    works: Works, waiting: Sequence[Change], report: Report, typed: Collection[str]
) -> list[Outcome]:
    done: list[Outcome] = []
    tell = _telling(report)
    changes = {change.device.name: change for change in waiting}
    for number, group in enumerate(links.together(list(changes), works.inventory)):
        rows = _carry_out(works, group, [changes.pop(name) for name in group.devices], typed, tell)
        done += map(outcome_of, rows)
        bad = [row for row in rows if row.state not in _GOES_ON]
        if bad:
            for held in changes.values():
                write(works.journal, replace(held.row, state=State.HELD), tell)
            if not any(row.state in OPEN for row in rows):
                works.journal.close(bad[0].rollout, "halted")
            said = [f"{row.device}: {row.detail}" for row in bad]
            where = "" if len(waiting) == 1 else "the wave" if number else "the canary"
            raise RolloutHalted(where, said)
    return done


def _carry_out(
    works: Works, group: Together, changes: Sequence[Change], typed: Collection[str], tell: Tell
) -> tuple[Row, ...]:
    if len(changes) > 1:
        items = [Planned(change.device, change.plan) for change in changes]
        return linked.change(works, items, [change.row for change in changes], _AT_ANY_TIME, tell)
    (change,) = changes
    if not group.far or touches_only_keys(change.device, change.plan):
        return (one_device.change_device(works, change, tell),)
    far = linked.ask_far(works, group.far)
    if far.plan is None and change.device.name in typed:
        return (one_device.change_device(works, change, tell),)
    return (linked.change_near(works, change, far, _AT_ANY_TIME, tell),)


def resume(works: Works, report: Report, unwanted: frozenset[str] = frozenset()) -> tuple[Outcome, ...]:
    """Ask once after what an `apply` that died left open: confirm each trial, or note that it reverted.

    A rollout in waves is left to those who carry it on. A trial of a device of `unwanted` is taken back
    instead, and waited for, with the other end of its link. Devices it had not come to are held. A trial that
    is still open, or a device that does not answer, stays as it is, and its rollout stays open for the next
    call.
    """
    outcomes: list[Outcome] = []
    for name, rows in works.journal.unfinished().items():
        ended = _resume_rows(works, rows, _telling(report), unwanted)
        outcomes += [outcome_of(row) for row in ended]
        if not any(row.state in OPEN for row in ended):
            works.journal.close(name, "done" if _GOES_ON.issuperset(row.state for row in ended) else "halted")
    return tuple(outcomes)


def _resume_rows(works: Works, rows: Sequence[Row], tell: Tell, unwanted: frozenset[str]) -> tuple[Row, ...]:
    by_device = {row.device: row for row in rows}
    begun = [row.device for row in rows if row.token]
    both = [group.devices for group in links.together(begun, works.inventory) if len(group.devices) > 1]
    for names in both:
        ends = [by_device[name] for name in names]
        devices = [works.inventory.devices[name] for name in names]
        is_open = any(row.state in OPEN for row in ends)
        if is_open and not any(wanting.why_not(device) for device in devices):
            ask = pair_end.finish if unwanted.isdisjoint(names) else linked.take_back
            ended = linked.resume(works, devices, ends, tell, linked.Asking(ask))
            by_device.update((row.device, row) for row in ended)
            rows = [row for row in rows if row.device not in names]
    for row in rows:
        by_device[row.device] = _resume_row(works, row, tell, row.device in unwanted)
    return tuple(by_device.values())


def _resume_row(works: Works, row: Row, tell: Tell, unwanted: bool) -> Row:
    if row.state is State.PLANNED:
        detail = "the controller stopped before it came to this device"
        return write(works.journal, replace(row, state=State.HELD, detail=detail), tell)
    if row.state not in OPEN:
        return row
    after = one_device.ask_after(works, row, unwanted=unwanted)
    return after if after == row else write(works.journal, after, tell)


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
    if isinstance(goal, Wish):
        return wanting.held_to(goal.intent)
    return f"restore {goal.running.fingerprint[:56]}"


def _telling(report: Report) -> Tell:
    return lambda row: report(outcome_of(row))
