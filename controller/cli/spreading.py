"""Brings keys to devices and takes them away, by rollouts like any other; what is off waits."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.rotation.carry import Means
    from controller.rotation.ledger import Accepts, Rotation
    from controller.rotation.look import Seen
    from drivers.model import Device

_OURS: Final = "keys at "
"""How the rollouts begun here call what they are over."""


class Agreed(NamedTuple):
    """What the person at the keyboard agreed to beforehand, and the devices named for it."""

    yes: bool
    typed: tuple[str, ...]


def spread(built: "App", devices: "Sequence[Device]", why: str, agreed: Agreed) -> bool:
    """Bring keys to these devices by a rollout; whether it was agreed to.

    Its waves follow each other at once, as keys change nothing for citizens. So a device where more would
    change is not in it, and neither is one of which that is not known now: the worker brings keys to those
    that are off.
    """
    from controller.cli import rollout_run
    from controller.rollouts.carrying import WORKS
    from controller.rollouts.seam import Asked, Kind, Policy

    if devices:
        _end_earlier(built)
        devices = _with_nothing_else(built, devices)
    if not devices:
        return True
    policy = Policy(soak_s=0, patience_s=0, without=frozenset(Asked))
    work = WORKS[Kind.CONFIGURE](built)
    asked = rollout_run.Asked(work, f"{_OURS}{len(devices)} devices", why, policy)
    said = rollout_run.Said(agreed.yes, agreed.typed, detach=False)
    return rollout_run.start(built, asked, devices, said) is not None


def _with_nothing_else(built: "App", devices: "Sequence[Device]") -> "list[Device]":
    """Those where keys would change and nothing else; of the others it is told why not."""
    from controller import rollout
    from controller.planning import plan_all, touches_only_keys

    found = []
    for item in plan_all(built.inventory, rollout.access_of(built), devices):
        name = item.device.name
        if item.left_alone or item.error:
            said = item.left_alone or str(item.error)
            click.echo(said if said.startswith(f"{name}: ") else f"{name}: {said}", err=True)
        elif item.plan is not None and item.pending and touches_only_keys(item.device, item.plan):
            found.append(item.device)
        elif item.pending:
            start = f"plaza rollout start {name} --why TEXT"
            click.echo(f"{name}: other changes wait there: {start}; the key goes with them", err=True)
    return found


def _end_earlier(built: "App") -> None:
    """Go on with what an earlier command of this kind, or an `apply`, began and did not end.

    Not where another process is changing devices: that one, or the worker, does it.
    """
    from controller import applying, rollout
    from controller.app import utc_now
    from controller.cli.told import report
    from controller.errors import StoreBusy
    from controller.rollouts.carrying import fleet_of
    from controller.rollouts.runner import advance
    from controller.rollouts.store import Store
    from drivers.apply import Timers

    with suppress(StoreBusy), rollout.alone(built.settings.data_dir):
        works = rollout.works_of(built, Timers())
        applying.resume(works, report)
        store = Store(works.journal)
        for name in store.to_carry_on():
            if store.get(name).selector.startswith(_OURS):
                advance(fleet_of(built, store.get(name).kind, utc_now, lambda _row: None), name)


def go_on(rotation: "Rotation", agreed: Agreed) -> "Rotation":
    """Carry a rotation or a revocation as far as it comes now: change, look, and the next stage."""
    from controller import app, settings
    from controller.rotation import carry
    from controller.rotation.ledger import Stage

    chosen = settings.load()
    while True:
        means = carry.means_of(app.build(chosen))
        before = _accepts(means, rotation)
        title = f"keys of {rotation.credential}"
        began = spread(means.app, carry.to_change(means, rotation), title, agreed)
        carry.look_at(means, rotation, tell)
        after = carry.forward(means, rotation)
        moved = after.state is not rotation.state or _accepts(means, rotation) != before
        if not began or not moved or after.state is Stage.DONE:
            return after
        rotation = after


def _accepts(means: "Means", rotation: "Rotation") -> "list[Accepts]":
    return [step.accepts for step in means.ledger.steps(rotation)]


def tell(seen: "Seen") -> None:
    """One line for each device that was looked at."""
    click.echo(f"{seen.device}: {seen.detail}")


def told(means: "Means", rotation: "Rotation") -> list[str]:
    """Device by device, what it accepts, by the evidence there is and its date."""
    from controller.rotation.ledger import Accepts
    from controller.rotation.look import NOT_REACHED

    said = []
    for step in means.ledger.steps(rotation):
        if step.device not in means.app.inventory.devices:
            continue
        if step.accepts is Accepts.NEW:
            said.append(f"{step.device}: removed, as seen {when(step.checked_at)}: {step.detail}")
        elif not step.checked_at:
            found = step.detail or "nobody looked yet"
            said.append(f"{step.device}: may still accept the old one: never seen since ({found})")
        elif step.detail.startswith(NOT_REACHED):
            at = when(step.checked_at)
            said.append(f"{step.device}: not seen since {at}, may still accept the old one ({step.detail})")
        else:
            said.append(f"{step.device}: accepts the old one, as seen {when(step.checked_at)}: {step.detail}")
    return said


def when(at: int) -> str:
    """A moment, UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
