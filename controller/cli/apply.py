"""`plaza apply`: makes devices what the inventory says, each with a timer that reverts it if it is lost."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.selecting import selecting

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
    help="The name of a device that has no timer of its own, in place of typing it; or of one that is to be "
    "changed although the far end of its radio link does not answer. Once for each.",
)


@click.command()
@selecting(required=True)
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

    def planned(resumed: "Sequence[Outcome]") -> "list[Planned] | None":
        found = plan(built, devices, stage=True)
        if saved is None:
            return found
        caution.one_at_a_time(found)
        planfile.check(saved, found, history.load_key(built.settings.data_dir))
        if any(item.pending for item in found):
            return found
        click.echo(f"{selector}: nothing to do, {counted(len(found))} as the plan wanted")
        return None

    carry_out(built, selector, planned, Consent(yes, typed), revert_s)


class Consent:
    """What the person at the keyboard agreed to beforehand, and asks for the rest."""

    def __init__(self, yes: bool, typed: tuple[str, ...]) -> None:
        self._yes = yes
        self.typed = typed

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
        return _answer(f"Change {counted(devices)}? [y/N]").lower() in {"y", "yes"}

    def _named(self, name: str) -> bool:
        if name in self.typed:
            return True
        if self._yes:
            raise click.ClickException(f"{name}: --yes is not enough for it; add --typed {name}")
        return _answer(f"Type {name} to change it") == name


def _answer(question: str) -> str:
    """What a person types, or a pipe holds. Raises click.Abort for ^C, ClickException for nobody."""
    if sys.stdin.isatty():
        try:
            return str(click.prompt(question, default="", show_default=False, err=True)).strip()
        except click.Abort:
            click.echo("\nnothing was changed", err=True)
            raise
    line = sys.stdin.readline()
    if not line:
        raise click.ClickException("nobody is there to answer; add --yes")
    return line.strip()


def carry_out(
    built: "App",
    selector: str,
    plan: "Callable[[Sequence[Outcome]], list[Planned] | None]",
    consent: Consent,
    revert_s: int | None,
    unwanted: frozenset[str] = frozenset(),
) -> bool:
    """Finish what is open, plan, show, ask, change; whether it was agreed to.

    What is on trial at a device of `unwanted` is taken back first. `plan` is told what became of all that
    was open; it gives None where that leaves nothing to plan. Ends the process with 2 when a device is not
    as intended.
    """
    from controller import applying, caution, rollout
    from controller.cli.diff import show
    from controller.cli.told import Told, report
    from controller.errors import RolloutHalted
    from drivers.apply import Timers

    with rollout.alone(built.settings.data_dir):
        timers = Timers(revert_s=revert_s)
        works = rollout.works_of(built, timers)
        resumed = applying.resume(works, report, unwanted)
        found = plan(resumed)
        if found is None:
            return True
        planned = caution.canary_of_one(rollout.postpone(works, found))
        show(planned)
        if any(item.pending for item in planned) and not consent.given(planned, timers):
            click.echo("nothing was changed", err=True)
            return False
        told = Told(planned)
        try:
            applying.run(works, selector, planned, told.report, consent.typed)
        except RolloutHalted as halted:
            if halted.wave:
                click.echo(f"halted at {halted.wave}: the rest is held", err=True)
        except KeyboardInterrupt:
            click.echo(_INTERRUPTED, err=True)
            raise
    if not told.sum_up():
        sys.exit(2)
    return True


def counted(devices: int) -> str:
    """1 device, 2 devices."""
    return f"{devices} device" if devices == 1 else f"{devices} devices"


def _devices(built: "App", saved: "PlanFile") -> "list[Device]":
    return [
        built.inventory.devices[entry.device]
        for entry in saved.devices
        if entry.device in built.inventory.devices
    ]
