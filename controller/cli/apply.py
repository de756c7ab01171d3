"""`plaza apply`: makes devices what the inventory says, each with a timer that reverts it if it is lost."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.planfile import PlanFile
    from controller.planning import Planned
    from controller.rollout import Outcome
    from drivers.apply import Timers
    from drivers.model import Device

REVERT_AFTER = click.option(
    "--revert-after",
    "revert_s",
    type=click.IntRange(15, 3600),
    help="Seconds until a device that is not confirmed reverts by itself; else each change says how long.",
)
_INTERRUPTED = (
    "\ninterrupted: a change on trial stays when the worker, or the next `plaza apply`, finds the device as "
    "wished; else the device goes back by itself. To take it back now: plaza rollback NAME"
)
YES = click.option("--yes", is_flag=True, help="Do not ask.")
TYPED = click.option(
    "--typed",
    multiple=True,
    metavar="NAME",
    help="The name of a device that has no timer of its own, in place of typing it. Once for each.",
)


@click.command()
@click.argument("selector")
@YES
@TYPED
@REVERT_AFTER
def apply(selector: str, yes: bool, typed: tuple[str, ...], revert_s: int | None) -> None:
    """Make the devices of SELECTOR what the inventory says: one first, then the others one by one.

    SELECTOR may be a file that `plaza diff --out` wrote: then exactly that is done, or nothing.
    Exit code 0: all are as intended; 2: some are not, each with its reason.
    """
    from controller import app, caution, history, planfile, settings
    from controller.cli.diff import plan
    from controller.selector import select

    built = app.build(settings.load())
    is_file = Path(selector).is_file() or selector.endswith(".json")
    saved = planfile.load(Path(selector)) if is_file else None
    if saved is not None and not saved.devices:
        click.echo("the plan changes nothing", err=True)
        return
    devices = select(built.inventory, selector) if saved is None else _devices(built, saved)

    def planned(resumed: "Sequence[Outcome]") -> "list[Planned]":
        found = plan(built, devices, stage=True)
        if saved is not None:
            caution.one_at_a_time(found)
            planfile.check(saved, found, history.load_key(built.settings.data_dir))
        return found

    carry_out(built, selector, planned, Consent(yes, typed), revert_s)


class Consent:
    """What the person at the keyboard agreed to beforehand, and asks for the rest."""

    def __init__(self, yes: bool, typed: tuple[str, ...]) -> None:
        self._yes = yes
        self._typed = typed

    def given(self, planned: "Sequence[Planned]", timers: "Timers") -> bool:
        """Whether these changes may be made; each device without a timer has to be named."""
        from controller import caution

        pending = [item for item in planned if item.pending]
        for item in pending:
            for warning in caution.warnings(item):
                click.echo(f"{item.device.name}: {warning}", err=True)
        for said in (caution.goes_back_after(pending, timers), caution.too_short(pending, timers)):
            if said:
                click.echo(said, err=True)
        for item in filter(caution.needs_typing, pending):
            if not self._named(item.device.name):
                return False
        return self._yes or self._agreed(len(pending))

    def _agreed(self, devices: int) -> bool:
        try:
            return click.confirm(f"Change {counted(devices)}?", err=True)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            raise click.UsageError("nobody is there to answer; add --yes") from None

    def _named(self, name: str) -> bool:
        if name in self._typed:
            return True
        if self._yes:
            raise click.UsageError(f"{name}: --yes is not enough for it; add --typed {name}")
        said = click.prompt(f"Type {name} to change it", default="", show_default=False, err=True)
        return bool(said.strip() == name)


def carry_out(
    built: "App",
    selector: str,
    plan: "Callable[[Sequence[Outcome]], list[Planned]]",
    consent: Consent,
    revert_s: int | None,
    unwanted: frozenset[str] = frozenset(),
) -> bool:
    """Finish what is open, plan, show, ask, change; whether it was agreed to.

    What is on trial at a device of `unwanted` is taken back first. `plan` is told what became of all that
    was open. Ends the process with 2 when a device was not reached.
    """
    from controller import caution, rollout
    from controller.cli.diff import show
    from drivers.apply import Timers

    with rollout.alone(built.settings.data_dir):
        timers = Timers(revert_s=revert_s)
        works = rollout.works_of(built, timers)
        resumed = rollout.resume(works, report, unwanted)
        planned = caution.canary_of_one(rollout.postpone(plan(resumed), resumed))
        show(planned)
        if any(item.pending for item in planned) and not consent.given(planned, timers):
            click.echo("nothing was changed", err=True)
            return False
        try:
            outcomes = rollout.run(works, selector, planned, report)
        except KeyboardInterrupt:
            click.echo(_INTERRUPTED, err=True)
            raise
    _finish(outcomes)
    return True


def counted(devices: int) -> str:
    """1 device, 2 devices."""
    return f"{devices} device" if devices == 1 else f"{devices} devices"


def report(outcome: "Outcome") -> None:
    """One line per device and state; the steps between only on a terminal."""
    from controller.journal import OPEN, State

    passing = outcome.state in OPEN and not outcome.detail
    if (passing and not sys.stdout.isatty()) or (outcome.state is State.SKIPPED):
        return
    detail = f": {outcome.detail}" if outcome.detail else ""
    click.echo(f"{outcome.device}: {outcome.state.value.replace('_', ' ')}{detail}")


def _devices(built: "App", saved: "PlanFile") -> "list[Device]":
    return [
        built.inventory.devices[entry.device]
        for entry in saved.devices
        if entry.device in built.inventory.devices
    ]


def _finish(outcomes: "Sequence[Outcome]") -> None:
    from controller.journal import State

    changed = sum(outcome.state is State.CONFIRMED for outcome in outcomes)
    left = sum(outcome.state not in {State.CONFIRMED, State.SKIPPED} for outcome in outcomes)
    click.echo(f"{changed} changed, {left} not reached" if left else f"{changed} changed")
    if left:
        sys.exit(2)
