"""`plaza diff`: shows what `apply` would change, and changes nothing."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.planning import Planned
    from drivers.model import Device


@click.command()
@click.argument("selector", default="all")
def diff(selector: str) -> None:
    """Show what `apply` would change on the devices of SELECTOR, and change nothing.

    Exit code 0: nothing; 3: changes are pending; 2: a device could not be read.
    """
    from controller import app, settings
    from controller.selector import select

    built = app.build(settings.load())
    planned = plan(built, select(built.inventory, selector))
    show(planned)
    if any(item.error for item in planned):
        sys.exit(2)
    sys.exit(3 if any(item.pending for item in planned) else 0)


def plan(built: "App", devices: "Sequence[Device]") -> "list[Planned]":
    """Read all devices side by side, with progress on a terminal; in the order they were given."""
    from rich.console import Console
    from rich.progress import track

    from controller.access import Access
    from controller.planning import plan_all

    console = Console(stderr=True)
    found = track(
        plan_all(built.inventory, Access(built.secrets, built.engine), devices),
        description="reading devices",
        total=len(devices),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    by_name = {item.device.name: item for item in found}
    return [by_name[device.name] for device in devices]


def show(planned: "Sequence[Planned]") -> None:
    """The diffs on stdout; what could not be read, one line each, on stderr; then the sum."""
    for item in planned:
        if item.error is not None:
            click.echo(_line(item), err=True)
        elif item.plan is not None and item.pending:
            click.echo(item.plan.change.text, nl=False)
    pending = sum(item.pending for item in planned)
    failed = sum(item.error is not None for item in planned)
    alone = sum(bool(item.left_alone) for item in planned)
    said = f"{pending} to change, {len(planned) - pending - failed - alone} as intended"
    said += f", {failed} not read" if failed else ""
    said += f", {alone} not configured by Plaza" if alone else ""
    click.echo(said, err=True)


def _line(item: "Planned") -> str:
    text = str(item.error)
    return text if text.startswith(f"{item.device.name}: ") else f"{item.device.name}: {text}"
