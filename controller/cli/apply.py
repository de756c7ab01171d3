"""`plaza apply`: makes devices what the inventory says, each with a timer that reverts it if it is lost."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.rollout import Outcome


@click.command()
@click.argument("selector")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--revert-after",
    "revert_s",
    type=click.IntRange(15, 3600),
    default=90,
    show_default=True,
    help="Seconds until a device that is not confirmed reverts by itself.",
)
def apply(selector: str, yes: bool, revert_s: int) -> None:
    """Make the devices of SELECTOR what the inventory says: one first, then the others one by one.

    Exit code 0: all are as intended; 2: some are not, each with its reason.
    """
    from controller import app, rollout, settings
    from controller.cli.diff import plan, show
    from controller.selector import select
    from drivers.apply import Timers

    built = app.build(settings.load())
    devices = select(built.inventory, selector)
    with rollout.alone(built.settings.data_dir):
        works = rollout.works_of(built, Timers(revert_s=revert_s))
        resumed = rollout.resume(works, report)
        planned = rollout.postpone(plan(built, devices), resumed)
        show(planned)
        pending = sum(item.pending for item in planned)
        if pending and not yes and not click.confirm(f"Change {counted(pending)}?", err=True):
            click.echo("nothing was changed", err=True)
            return
        outcomes = rollout.run(works, selector, planned, report)
    _finish(outcomes)


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


def _finish(outcomes: "Sequence[Outcome]") -> None:
    from controller.journal import State

    changed = sum(outcome.state is State.CONFIRMED for outcome in outcomes)
    left = sum(outcome.state not in {State.CONFIRMED, State.SKIPPED} for outcome in outcomes)
    click.echo(f"{changed} changed, {left} not reached" if left else f"{changed} changed")
    if left:
        sys.exit(2)
