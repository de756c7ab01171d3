"""`plaza credentials`: rotates what Plaza enters devices with, and says who shares what."""

import sys
from typing import TYPE_CHECKING

import click

from controller.cli.apply import TYPED, YES

if TYPE_CHECKING:
    from controller.app import App
    from controller.credential_audit import Finding
    from controller.rotation.carry import Means
    from controller.rotation.ledger import Rotation


@click.group()
def credentials() -> None:
    """Rotate credentials, and say who shares what."""


@credentials.command()
@click.argument("name")
@click.option("--why", default="", help="Why, for the audit log; needed to begin.")
@YES
@TYPED
def rotate(name: str, why: str, yes: bool, typed: tuple[str, ...]) -> None:
    """Give the SSH key or the SNMPv3 user NAME a successor, or carry that on.

    Every device takes the new one beside the old; what it is seen to accept is used. Once all that can be
    reached accept it, the old one is taken away. Who is off is waited for: run this again, or let the worker
    do it. Exit code 3: not all have given the old one up.
    """
    from controller.cli import spreading
    from controller.rotation import carry
    from controller.rotation.ledger import CREDENTIALS, Stage

    means = _means()
    rotation = means.ledger.of(name, CREDENTIALS)
    if rotation is None or rotation.state is Stage.DONE:
        if not why:
            raise click.UsageError("say why: --why TEXT")
        if not yes and not click.confirm(f"Give {name} a successor at all its devices?", err=True):
            click.echo("nothing was changed", err=True)
            return
        rotation = carry.begin(means, name, why)
        _tell_by_hand(means, rotation)
    rotation = spreading.go_on(rotation, spreading.Agreed(yes, typed))
    click.echo(_summary(_means(), rotation), err=True)
    sys.exit(0 if rotation.state is Stage.DONE else 3)


@credentials.command()
@click.argument("name", default="")
@click.option("--look", is_flag=True, help="Ask the devices now.")
def status(name: str, look: bool) -> None:
    """Say how rotations stand; of NAME device by device, who still accepts the old one.

    Exit code 3: NAME is not done.
    """
    from controller.cli import spreading
    from controller.errors import CredentialError
    from controller.rotation import carry
    from controller.rotation.ledger import CREDENTIALS, Stage

    means = _means()
    if not name:
        for one in means.ledger.all():
            if one.kind in CREDENTIALS:
                click.echo(_summary(means, one))
        return
    rotation = means.ledger.of(name, CREDENTIALS)
    if rotation is None:
        raise CredentialError(f"credential {name}: was never rotated; plaza credentials rotate {name}")
    if look and rotation.state is not Stage.DONE:
        carry.look_at(means, rotation, lambda _seen: None)
    for line in spreading.told(means, rotation):
        click.echo(line)
    click.echo(_summary(means, rotation), err=True)
    sys.exit(0 if rotation.state is Stage.DONE else 3)


@credentials.command()
@click.argument("name")
@click.argument("device")
def show(name: str, device: str) -> None:
    """Show the secrets of NAME as DEVICE has them, to be written there by hand; the audit log tells of it.

    Only of credentials that devices hold: SNMP, Wi-Fi and portal.
    """
    from controller import app, audit, settings
    from controller.audit import Entry
    from controller.selector import select

    built = app.build(settings.load())
    (found, *others) = select(built.inventory, device)
    if others:
        raise click.UsageError(f"{device!r} is {1 + len(others)} devices; name one")
    secrets = built.secrets.of(found).written_by_hand(name)
    key = audit.load_key(built.settings.data_dir)
    audit.record(
        built.engine, key, Entry(audit.actor(), "secret-shown", name, {"device": found.name}, app.utc_now())
    )
    for part, secret in secrets.items():
        click.echo(f"{part}: {secret.reveal()}")


@credentials.command()
@click.option("--try", "selector", default="", help="Try factory passwords, once, at these devices.")
@click.option("--older-than", "days", default=365, show_default=True, type=click.IntRange(1))
@YES
def audit(selector: str, days: int, yes: bool) -> None:
    """Say of every credential who shares it, how old it is, and whether it is a factory's.

    Nothing is asked of any device, unless --try. Exit code 3: there is something to mend.
    """
    from controller import credential_audit, settings
    from controller.app import build

    built = build(settings.load())
    found = credential_audit.examine(built, days)
    if selector and (yes or click.confirm("Log in with factory passwords, once at each device?", err=True)):
        found += _tried(built, selector)
    for one in found:
        mark = "  " if one.well else "! "
        click.echo(f"{mark}{one.subject}: {one.said}")
    wrong = sum(not one.well for one in found)
    click.echo(f"{wrong} to mend" if wrong else "nothing to mend", err=True)
    sys.exit(3 if wrong else 0)


def _tried(built: "App", selector: str) -> "list[Finding]":
    from controller import factory_logins
    from controller.selector import select

    return factory_logins.tried(built, select(built.inventory, selector))


def _means() -> "Means":
    from controller import app, settings
    from controller.rotation import carry

    return carry.means_of(app.build(settings.load()))


def _tell_by_hand(means: "Means", rotation: "Rotation") -> None:
    from controller.rotation import carry
    from controller.rotation.ledger import Kind
    from controller.secrets import NEXT

    names = [device.name for device in carry.unconfigured(means, rotation)]
    if not names:
        return
    what = (
        "the new user" if rotation.kind is Kind.SNMP else carry.public_key(means, rotation.credential + NEXT)
    )
    click.echo(f"by hand, as Plaza does not write it there ({what}): {', '.join(names)}", err=True)


def _summary(means: "Means", rotation: "Rotation") -> str:
    from controller.cli.spreading import when
    from controller.rotation.ledger import Accepts

    here = means.app.inventory.devices
    accepts = [step.accepts for step in means.ledger.steps(rotation) if step.device in here]
    counts = ", ".join(
        f"{accepts.count(each)} {said}"
        for each, said in (
            (Accepts.OLD, "only the old one"),
            (Accepts.BOTH, "both"),
            (Accepts.NEW, "only the new one"),
        )
    )
    begun = f"begun {when(rotation.started_at)} by {rotation.started_by}: {rotation.why}"
    return f"{rotation.credential}: {rotation.state}; {counts}; {begun}"
