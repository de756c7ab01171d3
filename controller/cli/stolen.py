"""`plaza stolen`: a device is gone, and what it held is worth nothing any more."""

import sys
from typing import TYPE_CHECKING

import click

from controller.cli.apply import TYPED, YES
from controller.cli.asking import agreed

if TYPE_CHECKING:
    from controller.cli.spreading import Agreed
    from controller.rotation.carry import Means


@click.command()
@click.argument("name")
@click.option("--why", required=True, help="What happened, for the audit log.")
@YES
@TYPED
def stolen(name: str, why: str, yes: bool, typed: tuple[str, ...]) -> None:
    """Say that the device NAME was stolen: show what it held, ask, and make that worthless.

    The device is retired, its host key is never believed again, its open claims are void; SNMPv3 users
    that it shared are rotated. What only a person can change is listed. Exit code 3: something is left to do.
    """
    from controller import swaps
    from controller.cli.spreading import Agreed
    from controller.selector import select

    means = _means()
    (device, *others) = select(means.app.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    held = swaps.held(means.app.inventory, device)
    click.echo(f"what is to be done about {device.name} and what it held:")
    click.echo(f"{device.name}: will be retired, its host key never believed again, its open claims void")
    for one in held:
        click.echo(f"{one.credential}: {one.how}: {one.said}")
    if not yes and not agreed(f"Was {device.name} stolen, and shall that be done?"):
        click.echo("nothing was changed", err=True)
        return
    swaps.take_away(means, device, why)
    click.echo(f"{device.name} is retired; its host key is never believed again; its open claims are void")
    left = any(one.how is swaps.How.PERSON for one in held)
    for one in held:
        if one.how is swaps.How.ROTATES:
            done = _rotated(one.credential, f"{device.name} was stolen: {why}", Agreed(yes, typed))
            left = left or not done
    sys.exit(3 if left else 0)


def _rotated(name: str, why: str, agreed: "Agreed") -> bool:
    """Whether all have a secret that the thief cannot know: what is running may bring one that he knows."""
    from controller.cli import spreading
    from controller.rotation import carry
    from controller.rotation.ledger import CREDENTIALS, Stage

    means = _means()
    running = means.ledger.of(name, CREDENTIALS)
    if running is not None and running.state is not Stage.DONE:
        running = spreading.go_on(running, agreed)
        if running.state is not Stage.DONE:
            click.echo(f"{name}: not done; if the thief may know what comes, another follows it", err=True)
            return False
        means = _means()
        if name not in carry.owed(means):
            return True
    if not carry.is_used(means, name):
        click.echo(f"{name}: no other device uses it; delete it", err=True)
        return True
    return spreading.go_on(carry.begin(means, name, why), agreed).state is Stage.DONE


def _means() -> "Means":
    from controller import app, settings
    from controller.rotation import carry

    return carry.means_of(app.build(settings.load()))
