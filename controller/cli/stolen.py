"""`plaza stolen`: a device is gone, and what it held is worth nothing any more."""

import sys

import click

from controller.cli.apply import TYPED, YES


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
    from controller import app, settings, swaps
    from controller.cli import spreading
    from controller.rotation import carry
    from controller.rotation.ledger import CREDENTIALS, Stage
    from controller.selector import select

    means = carry.means_of(app.build(settings.load()))
    (device, *others) = select(means.app.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    held = swaps.held(means.app.inventory, device)
    click.echo(f"{device.name} is retired; its host key is never believed again; its open claims are void")
    for one in held:
        click.echo(f"{one.credential}: {one.how}: {one.said}")
    if not yes and not click.confirm(f"Was {device.name} stolen?", err=True):
        click.echo("nothing was changed", err=True)
        return
    swaps.take_away(means, device, why)
    left = any(one.how is swaps.How.PERSON for one in held)
    for one in held:
        if one.how is swaps.How.ROTATES:
            means = carry.means_of(app.build(settings.load()))
            rotation = means.ledger.of(one.credential, CREDENTIALS)
            if rotation is None or rotation.state is Stage.DONE:
                if not carry.is_used(means, one.credential):
                    click.echo(f"{one.credential}: no other device uses it; delete it", err=True)
                    continue
                rotation = carry.begin(means, one.credential, f"{device.name} was stolen: {why}")
            rotation = spreading.go_on(rotation, spreading.Agreed(yes, typed))
            left = left or rotation.state is not Stage.DONE
    sys.exit(3 if left else 0)
