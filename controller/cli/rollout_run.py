"""How a technician's command begins a rollout and carries it on: looks, shows, asks, and then the waves."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import track

from controller import rollout as one_device
from controller.app import App, utc_now
from controller.cli import rollout_show
from controller.cli.apply import counted
from controller.cli.rollout_clock import Clock, clock_of
from controller.errors import StoreBusy
from controller.journal import Row, State
from controller.rollouts import known, starting
from controller.rollouts.board import board_of
from controller.rollouts.carrying import fleet_of, work_of
from controller.rollouts.runner import advance
from controller.rollouts.seam import Phase, Policy, Preflight, Work
from controller.rollouts.starting import Frame, Planned
from controller.rollouts.store import Rollout, Store
from drivers.model import Device

_TURN = frozenset({State.PLANNED, State.PENDING})
_LEFT = (
    "\ninterrupted: the rollout goes on in the worker, which also ends what is on trial now; to stop it: "
    "plaza rollout pause"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be begun."""

    work: Work
    selector: str
    why: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Said:
    """What the person at the keyboard said beforehand."""

    yes: bool
    typed: tuple[str, ...]
    detach: bool


def start(built: App, asked: Asked, devices: Sequence[Device], said: Said) -> int | None:
    """Look, show, ask, begin and carry on; the exit code of how it stands, None where nobody agreed."""
    found = _look(asked.work, devices)
    name = token_hex(8)
    planned = starting.plan(name, found, _frame(built, asked.policy))
    rollout_show.plan(planned, found, _clock(built, planned.rows))
    if not any(row.state in _TURN for row in planned.rows):
        click.echo("nothing to change", err=True)
        return 2 if any(row.state is State.HELD for row in planned.rows) else 0
    if not _agreed(built, planned, found, said):
        click.echo("nothing was changed", err=True)
        return None
    made = Rollout(name, asked.work.kind, asked.selector, asked.why, asked.policy, names=planned.names)
    Store(one_device.works_of(built).journal).begin(made, planned.rows)
    click.echo(f"rollout {name} begins: {counted(len(planned.rows))}", err=True)
    return carry_on(built, made, detach=said.detach)


def retry(built: App, found: Rollout, why: str, said: Said) -> int | None:
    """Plan anew what failed or was held, and go on; nobody else changes devices meanwhile. As `start`."""
    store = Store(one_device.works_of(built).journal)
    with one_device.alone(built.settings.data_dir, f"plaza rollout retry {found.name}"):
        rows = store.rows(found.name)
        devices = starting.to_retry(rows, built.inventory)
        if not devices and not any(row.state is State.PENDING for row in rows):
            click.echo(f"nothing to retry; rollout {found.name} is {found.phase.value}", err=True)
            return 0 if found.phase in {Phase.RUNNING, Phase.DONE} else 2
        looked = _look(work_of(built, found), devices)
        frame = _frame(built, found.policy)
        planned = starting.plan(found.name, looked, frame)
        rollout_show.plan(planned, looked, _clock(built, planned.rows))
        if not _agreed(built, planned, looked, said):
            click.echo("nothing was changed", err=True)
            return None
        rows = tuple(replace(row, next_at=0) if row.state is State.PENDING else row for row in rows)
        after, changed = starting.plan_again(found, rows, planned, frame)
        if not store.replan(found, replace(after, phase=Phase.RUNNING, reason=why), changed):
            raise StoreBusy("the rollout went on meanwhile; look at plaza rollout status and try again")
    return carry_on(built, after, detach=said.detach)


def carry_on(built: App, made: Rollout, *, detach: bool) -> int:
    """Do all that can be done now, and say what it waits for. Returns the exit code of how it stands."""
    store = Store(one_device.works_of(built).journal)
    hint = f"plaza rollout status {made.name} --follow"
    if detach:
        click.echo(f"the worker carries it on: {hint}", err=True)
        return 3
    try:
        with (
            one_device.alone(built.settings.data_dir, f"plaza rollout {made.name}"),
            _interruptible(),
            rollout_show.progress(store.get(made.name), store.rows(made.name)) as tell,
        ):
            stands = advance(fleet_of(built, made.kind, utc_now, tell), made.name)
    except StoreBusy as error:
        click.echo(f"{error}; the rollout is kept and the worker carries it on: {hint}", err=True)
        return 3
    board = board_of(store, built.inventory, made.name)
    clock = clock_of(built.inventory, board.rows, board.now)
    rollout_show.standing(board, clock)
    if stands.until:
        until = clock.until(stands.until)
        click.echo(f"waits until {until}: {stands.said}; the worker goes on: {hint}", err=True)
    return rollout_show.exit_code(board)


def _clock(built: App, rows: Sequence[Row]) -> Clock:
    return clock_of(built.inventory, [row.device for row in rows], int(utc_now().timestamp()))


def _frame(built: App, policy: Policy) -> Frame:
    return Frame(built.inventory, known.models(built.engine), policy, utc_now())


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the process at once: as after kill -9, the journal knows what the worker has to end."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        Console(stderr=True).show_cursor(True)
        click.echo(_LEFT, err=True)
        sys.stdout.flush()
        os._exit(130)

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _look(work: Work, devices: Sequence[Device]) -> list[Preflight]:
    """Look at all of them side by side, with progress on a terminal; in the order they were given."""
    console = Console(stderr=True)
    found = track(
        starting.look_all(work, devices),
        description="reading devices",
        total=len(devices),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    by_name = {each.device: each for each in found}
    return [by_name[device.name] for device in devices]


def _agreed(built: App, planned: Planned, found: Sequence[Preflight], said: Said) -> bool:
    """Whether these changes may be made; what nothing undoes, or others lie behind, has to be named."""
    turn = {row.device: row for row in planned.rows if row.state in _TURN}
    for each in found:
        for caution in each.cautions if each.device in turn else ():
            click.echo(f"{each.device}: {caution}", err=True)
    to_name = starting.warnings(planned.rows, built.inventory)
    to_name |= {
        each.device: f"{each.device}: nothing on it undoes a bad change"
        for each in found
        if each.typed and each.device in turn and each.device not in to_name
    }
    for name, why in to_name.items():
        if not _named(name, why, said):
            return False
    return said.yes or _confirmed(len(turn))


def _named(name: str, why: str, said: Said) -> bool:
    click.echo(why, err=True)
    if name in said.typed:
        return True
    if said.yes:
        raise click.UsageError(f"{why}; --yes is not enough for it, add --typed {name}")
    with _left_unchanged():
        answer = click.prompt(f"Type {name} to change it", default="", show_default=False, err=True)
        return bool(answer.strip() == name)


def _confirmed(devices: int) -> bool:
    with _left_unchanged():
        return click.confirm(f"Change {counted(devices)}?", err=True)


@contextmanager
def _left_unchanged() -> Iterator[None]:
    """Around a question: says what ^C leaves, and what to add where nobody is there to answer."""
    try:
        yield
    except click.Abort:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to answer; add --yes") from None
        click.echo("\nnothing was changed", err=True)
        raise
