"""`plaza rollback`: makes a device again what it was before a change of ours."""

from typing import TYPE_CHECKING

import click

from controller.cli.apply import REVERT_AFTER, TYPED, YES, Consent, carry_out
from controller.cli.history import show_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.app import App
    from controller.planning import Planned
    from controller.rollout import Outcome
    from drivers.model import Device


@click.command()
@click.argument("name", metavar="AP")
@click.option(
    "--to",
    "number",
    type=click.IntRange(1),
    help="The version to go back to; without it the newest one that the device does not run now.",
)
@click.option("--list", "listed", is_flag=True, help="Show the versions and change nothing.")
@YES
@TYPED
@REVERT_AFTER
def rollback(
    name: str, number: int | None, listed: bool, yes: bool, typed: tuple[str, ...], revert_s: int | None
) -> None:
    """Make the device AP again what it was, in what is ours; as carefully as `apply` changes it.

    A key that was revoked since does not come back. The inventory stays as it is, and the next `apply`
    follows the inventory: mend it first.
    """
    from controller import app, settings
    from controller.selector import select

    built = app.build(settings.load())
    (device, *others) = select(built.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    if listed:
        show_versions(built, device)
        click.echo(f"what is in one: plaza history {device.name} --show N, or --diff A B", err=True)
        return
    done = carry_out(
        built,
        f"rollback {device.name}",
        lambda resumed: _planned(built, device, number, resumed),
        Consent(yes, typed),
        revert_s,
        frozenset({device.name}),
    )
    if done:
        click.echo(f"what the inventory wants now: plaza diff {device.name}", err=True)


def _planned(
    built: "App", device: "Device", number: int | None, resumed: "Sequence[Outcome]"
) -> "list[Planned] | None":
    """The way back; None where it was the one of a trial, and is done and told."""
    from controller import rollout
    from controller.journal import State
    from controller.planning import plan_back

    taken_back = any(one.device == device.name and one.state is State.ROLLED_BACK for one in resumed)
    if taken_back and number is None:
        return None
    works = rollout.works_of(built)
    item = plan_back(works.access, works.history, device, number)
    if item.version:
        click.echo(f"{device.name}: to version {item.version} of it (plaza rollback --list)", err=True)
    return [item]
