"""From what was found of each device to the frozen list of a rollout: who is in it, and in which wave."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from controller.journal import Row, State
from controller.model import Inventory
from controller.planning import WORKERS
from controller.rollouts import waves, windows
from controller.rollouts.board import PER_GROUP
from controller.rollouts.order import behind, network
from controller.rollouts.seam import Member, Phase, Policy, Preflight, Wave, Work
from controller.rollouts.store import OUT_OF_REACH, Rollout
from drivers.model import Device

_TURN: Final = frozenset({State.PLANNED, State.PENDING})
_AGAIN: Final = frozenset({State.FAILED, State.ROLLED_BACK, State.HELD})
_NAMED: Final = 10
_ONE_AT_A_TIME: Final = "it has no timer of its own: one at a time, after {}; retry takes the next"


@dataclass(frozen=True, slots=True)
class Planned:
    """The rows of a rollout with their waves and places, and the names of the waves."""

    rows: tuple[Row, ...]
    names: tuple[str, ...]


def look_all(work: Work, devices: Sequence[Device]) -> Iterator[Preflight]:
    """Look at devices side by side; yields each as it is done."""
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        waiting = [pool.submit(work.preflight, device) for device in devices]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a list is made for: `models` are known from earlier logins, for those that were not reached."""

    inventory: Inventory
    models: Mapping[str, str]
    policy: Policy
    now: datetime


def plan(name: str, found: Sequence[Preflight], frame: Frame) -> Planned:
    """Everybody's first row. Who was not reached has had a first try, and is no canary."""
    chosen = next((each.device for each in found if each.typed and not each.trouble), "")
    rows = [replace(_row(name, each, chosen), model=_model(each, frame)) for each in found]
    away = {row.device for row in rows if row.state is State.PENDING}
    return _in_waves([_tried(_with_its_link(row, away, frame), frame) for row in rows], frame)


def to_retry(rows: Sequence[Row], inventory: Inventory) -> list[Device]:
    """Who failed or was held, and is to be looked at again."""
    again = [row.device for row in rows if row.state in _AGAIN]
    return [inventory.devices[name] for name in again if name in inventory.devices]


def plan_again(
    rollout: Rollout, rows: Sequence[Row], found: Planned, frame: Frame
) -> tuple[Rollout, tuple[Row, ...]]:
    """Everybody whose turn may still come, with those that were looked at again, in waves of their own.

    `rows` are all of the rollout, `found` those of them that were planned anew. Returns the rollout as it
    then is, and the rows that change. What the wave under way changed is still judged before anything else
    is changed, and after a stop it soaks anew, as after `resume`.
    """
    again = {row.device for row in found.rows}
    left = [row for row in rows if row.device not in again and row.state in _TURN]
    planned = _in_waves([*left, *found.rows], frame)
    first = rollout.wave + 1
    place = max((row.place for row in rows), default=0) // PER_GROUP * PER_GROUP + PER_GROUP
    moved = [replace(row, wave=row.wave + first, place=row.place + place) for row in planned.rows]
    late = (OUT_OF_REACH,) * (first - len(rollout.names))
    before = (*rollout.names, *late)[:first]
    judged = rollout.phase is Phase.DONE
    since = rollout.soaking_since
    if since and rollout.phase is not Phase.RUNNING:
        since = int(frame.now.timestamp())
    after = replace(
        rollout,
        wave=first if judged else rollout.wave,
        soaking_since=0 if judged else since,
        names=(*before, *planned.names),
        seen=rollout.seen - again,
    )
    return after, tuple(moved)


def warnings(rows: Sequence[Row], inventory: Inventory) -> dict[str, str]:
    """What lies behind each device that is to be changed, for a person; nothing of those without."""
    of = network(inventory)
    said = {}
    for row in rows:
        names = behind(of, row.device) if row.state in _TURN else ()
        sites = {of.sites[name] for name in names}
        if names:
            counts = f"{_counted(len(names), 'device')} of {_counted(len(sites), 'site')}"
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            said[row.device] = f"behind {row.device}: {counts}: {', '.join(names[:_NAMED])}{more}"
    return said


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _row(name: str, each: Preflight, chosen: str) -> Row:
    def row(state: State, detail: str = "") -> Row:
        return Row(name, each.device, state, each.wanted, diff=each.diff, detail=detail)

    if each.left_alone:
        return row(State.SKIPPED, each.left_alone)
    if each.trouble:
        return row(State.HELD, each.trouble)
    if each.facts is None:
        return row(State.PENDING, "it was not reached when the rollout was planned")
    if not each.diff:
        return row(State.SKIPPED, "as intended")
    if each.typed and each.device != chosen:
        return row(State.HELD, _ONE_AT_A_TIME.format(chosen))
    return row(State.PLANNED)


def _with_its_link(row: Row, away: Collection[str], frame: Frame) -> Row:
    """An end of a link is not changed before the other end can be."""
    devices = frame.inventory.devices
    joined = {devices[row.device].link, *(name for name in away if devices[name].link == row.device)}
    if row.state is State.PLANNED and joined & set(away):
        return replace(row, state=State.PENDING, detail="the other end of its link was not reached")
    return row


def _tried(row: Row, frame: Frame) -> Row:
    if row.state is not State.PENDING:
        return row
    at = windows.next_try(frame.policy, 1, frame.now, row.device)
    return replace(row, attempts=1, next_at=int(at.timestamp()))


def _model(each: Preflight, frame: Frame) -> str:
    told = each.facts.model if each.facts is not None else ""
    return told or frame.models.get(each.device, "") or frame.inventory.devices[each.device].platform


def _in_waves(rows: Sequence[Row], frame: Frame) -> Planned:
    """Places count on from wave to wave, so that each belongs to one group of the rollout.

    Who is out of reach is changed once that is over, from the first wave on; so none of the shares has it.
    """
    known = [row for row in rows if row.device in frame.inventory.devices]
    planned = _waves([row for row in known if row.state is State.PLANNED], frame)
    late = _waves([row for row in known if row.state is State.PENDING], frame)
    numbered = [(number, group) for number, wave in enumerate(planned) for group in wave.groups]
    numbered += [(0, group) for wave in late for group in wave.groups]
    left = {row.device: row for row in rows}
    placed = []
    for turn, (number, group) in enumerate(numbered):
        for position, name in enumerate(group.devices):
            placed.append(replace(left.pop(name), wave=number, place=turn * PER_GROUP + position))
    for turn, row in enumerate(left.values(), start=len(numbered)):
        placed.append(replace(row, wave=0, place=turn * PER_GROUP))
    return Planned(tuple(placed), tuple(wave.name for wave in planned))


def _waves(rows: Sequence[Row], frame: Frame) -> tuple[Wave, ...]:
    members = [_member(row, frame.inventory) for row in rows]
    return waves.plan(members, network(frame.inventory), frame.policy)


def _member(row: Row, inventory: Inventory) -> Member:
    device = inventory.devices[row.device]
    return Member(row.device, device.site, row.model, device.parent, device.link)
