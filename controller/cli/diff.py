"""`plaza diff`: shows what `apply` would change, and changes nothing."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

from controller.cli.selecting import selecting

if TYPE_CHECKING:
    from controller.app import App
    from controller.planning import Planned
    from drivers.model import Device

_NAMED: Final = 8
_STAGED: Final = "; files beside its configuration, as authorized_keys, are not in it"
_COLOURS: Final = MappingProxyType({"+": "green", "-": "red", "@": "cyan"})


@click.command()
@selecting(required=False, default="all")
@click.option("--staged", is_flag=True, help="Let each device compute the difference too, where it can.")
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan; `plaza apply FILE` does exactly that or nothing.",
)
def diff(selector: str, staged: bool, file: Path | None) -> None:
    """Show what `apply` would change on the devices of SELECTOR, and change nothing.

    Exit code 0: nothing; 3: changes are pending; 2: a device could not be read.
    """
    from controller import app, history, planfile, settings
    from controller.selector import select

    built = app.build(settings.load())
    planned = plan(built, select(built.inventory, selector), stage=staged)
    show(planned)
    for name in on_trial(built, planned):
        click.echo(f"{name}: a change of ours is on trial there, and not confirmed yet", err=True)
    if file is not None:
        key = history.load_key(built.settings.data_dir)
        saved = planfile.save(file, selector, planned, key)
        click.echo(f"{file}: changes {len(saved.devices)} of {len(planned)} that were looked at", err=True)
    if any(item.error for item in planned):
        sys.exit(2)
    sys.exit(3 if any(item.pending for item in planned) else 0)


def on_trial(built: "App", planned: "Sequence[Planned]") -> "list[str]":
    """Those whose last change has not ended yet."""
    from controller import rollout

    asked = {item.device.name for item in planned}
    return [row.device for row in rollout.works_of(built).journal.on_trial() if row.device in asked]


def plan(built: "App", devices: "Sequence[Device]", *, stage: bool = False) -> "list[Planned]":
    """Read all devices side by side, with progress on a terminal; in the order they were given."""
    from rich.console import Console
    from rich.progress import track

    from controller.planning import plan_all
    from controller.rollout import access_of

    console = Console(stderr=True)
    found = track(
        plan_all(built.inventory, access_of(built), devices, stage=stage),
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
            click.echo(coloured(item.plan.change.text), nl=False)
            if item.plan.staged:
                click.echo(f"# as {item.device.name} computes it{_STAGED}")
                click.echo(coloured(item.plan.staged.rstrip()))
    pending = sum(item.pending for item in planned)
    failed = sum(item.error is not None for item in planned)
    alone = sum(bool(item.left_alone) for item in planned)
    held = sum(bool(item.held) for item in planned)
    said = f"{pending} to change, {len(planned) - pending - failed - alone - held} as intended"
    said += f", {failed} not planned" if failed else ""
    said += f", {alone} left alone" if alone else ""
    said += f", {held} held" if held else ""
    click.echo(said, err=True)
    reasons: dict[str, list[str]] = {}
    for item in planned:
        reasons.setdefault(item.left_alone or item.held, []).append(item.device.name)
    for reason, names in sorted(reasons.items()):
        if reason:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            click.echo(f"  {', '.join(names[:_NAMED])}{more}: {reason}", err=True)


def coloured(text: str) -> str:
    """A unified diff in colours where somebody reads it on a terminal that may show them (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return "".join(_coloured_line(line) for line in text.splitlines(keepends=True))


def _coloured_line(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return click.style(line, bold=True)
    colour = _COLOURS.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _line(item: "Planned") -> str:
    text = str(item.error)
    return text if text.startswith(f"{item.device.name}: ") else f"{item.device.name}: {text}"
