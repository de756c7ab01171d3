"""`plaza rollback`: makes a device again what it was before a change of ours."""

from typing import TYPE_CHECKING

import click

from controller.cli.apply import REVERT_AFTER, TYPED, YES, Consent, carry_out

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

    The inventory stays as it is, and the next `apply` follows the inventory: mend it first.
    """
    from controller import app, settings
    from controller.selector import select

    built = app.build(settings.load())
    (device, *others) = select(built.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    if listed:
        _list(built, device)
        return
    done = carry_out(
        built,
        f"rollback {device.name}",
        lambda resumed: [_planned(built, device, number, resumed)],
        Consent(yes, typed),
        revert_s,
        frozenset({device.name}),
    )
    if done:
        click.echo(f"what the inventory wants now: plaza diff {device.name}", err=True)


def _planned(built: "App", device: "Device", number: int | None, resumed: "Sequence[Outcome]") -> "Planned":
    from controller import rollout
    from controller.journal import State
    from controller.planning import Planned, plan_back

    taken_back = any(one.device == device.name and one.state is State.ROLLED_BACK for one in resumed)
    if taken_back and number is None:
        return Planned(device, left_alone=f"{device.name} was on trial, and runs again what it ran before")
    works = rollout.works_of(built)
    return plan_back(works.access, works.history, device, number)


def _list(built: "App", device: "Device") -> None:
    from datetime import UTC, datetime

    from controller import rollout

    versions = rollout.works_of(built).history.versions(device.name)
    if not versions:
        click.echo(f"{device.name}: nothing is kept of it yet; `plaza apply` keeps what it changes", err=True)
        return
    click.echo("version  seen at               our change  fingerprint   by")
    for version in versions:
        at = datetime.fromtimestamp(version.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        line = f"{version.number:7}  {at}  {version.reason:10}  {version.fingerprint[:12]}  {version.actor}"
        click.echo(line)
