"""`plaza credentials`: rotates what Plaza enters devices with, and says who shares what."""

import sys
from typing import TYPE_CHECKING

import click

from controller.cli.apply import TYPED, YES
from controller.cli.asking import agreed

if TYPE_CHECKING:
    from controller.app import App
    from controller.credential_audit import Finding
    from controller.rotation.carry import Means
    from controller.rotation.ledger import Rotation
    from drivers.model import Device


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
        carry.require_rotatable(means, name)
        if not yes and not agreed(f"Give {name} a successor at all its devices?"):
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

    Exit code 3: NAME, or without it some, is not done.
    """
    from controller.cli import spreading
    from controller.errors import CredentialError
    from controller.rotation import carry
    from controller.rotation.ledger import CREDENTIALS, Stage

    means = _means()
    if not name:
        known = [one for one in means.ledger.all() if one.kind in CREDENTIALS]
        for one in known:
            click.echo(_summary(means, one))
        if not known:
            click.echo("nothing was ever rotated; plaza credentials rotate NAME --why TEXT", err=True)
        sys.exit(0 if all(one.state is Stage.DONE for one in known) else 3)
    rotation = means.ledger.of(name, CREDENTIALS)
    if rotation is None:
        carry.require_rotatable(means, name)
        mend = f"plaza credentials rotate {name} --why TEXT"
        raise CredentialError(f"credential {name}: was never rotated; {mend}")
    if look and rotation.state is not Stage.DONE:
        carry.look_at(means, rotation, lambda _seen: None)
    for line in spreading.told(means, rotation):
        click.echo(line)
    _tell_by_hand(means, rotation)
    click.echo(_summary(means, rotation), err=True)
    sys.exit(0 if rotation.state is Stage.DONE else 3)


@credentials.command()
@click.argument("name")
@click.argument("device")
def show(name: str, device: str) -> None:
    """Show the secrets of NAME as DEVICE has them, to be written there by hand; the audit log tells of it.

    Only of credentials that devices hold: SNMP, Wi-Fi and portal. While NAME is rotated both are shown,
    each line beginning with new or old.
    """
    from controller import audit
    from controller.audit import Entry
    from controller.secrets import NEXT, NOW
    from controller.selector import select

    means = _means()
    (found, *others) = select(means.app.inventory, device)
    if others:
        raise click.UsageError(f"{device!r} is {1 + len(others)} devices; name one")
    marks = {"new ": NEXT, "old ": NOW} if _is_coming(means, name) else {"": NOW}
    lines = [f"{said}{line}" for said, mark in marks.items() for line in _shown(means, found, name, mark)]
    entry = Entry(audit.actor(), "secret-shown", name, {"device": found.name}, means.ledger.clock())
    audit.record(means.app.engine, means.ledger.audit_key, entry)
    for line in lines:
        click.echo(line)
    if len(marks) == 1:
        click.echo(f"{name}: in use; it is not being rotated", err=True)
    else:
        click.echo(f"{name} is being rotated: the new beside the old, then the old away", err=True)


def _is_coming(means: "Means", name: str) -> bool:
    """Whether there is a next secret of it that did not take its place yet."""
    from controller.rotation import generations
    from controller.rotation.ledger import CREDENTIALS, Stage

    rotation, entry = means.ledger.of(name, CREDENTIALS), means.app.inventory.credentials.get(name)
    if rotation is None or rotation.state is Stage.DONE or entry is None:
        return False
    return generations.is_prepared(means.app.settings.secrets_dir, rotation.kind, entry)


def _shown(means: "Means", device: "Device", name: str, mark: str) -> "list[str]":
    """What is written into a device by hand, of one generation; an SNMPv3 user's name first."""
    secrets = means.app.secrets.of(device)
    parts = secrets.written_by_hand(name + mark)
    is_user = means.app.inventory.credentials[name]["kind"] == "snmp-v3"
    user = [f"user: {secrets.snmp_user(name + mark)}"] if is_user else []
    return [*user, *(f"{part}: {secret.reveal()}" for part, secret in parts.items())]


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
    if selector and (yes or agreed("Log in with factory passwords, once at each device?")):
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
    """What a person has to write where Plaza does not, at those that have not given the old one up."""
    from controller.rotation import carry
    from controller.rotation.ledger import Stage

    waiting = carry.left(means, rotation)
    names = [device.name for device in carry.unconfigured(means, rotation) if device.name in waiting]
    if rotation.state is Stage.DONE or not names:
        return
    new, old, how = _by_hand(means, rotation)
    act = f"add {new} beside {old}" if rotation.state is Stage.ADDING else f"leave {new}, take {old} away"
    click.echo(f"by hand, as Plaza does not write it there: {act}{how}; at {', '.join(names)}", err=True)


def _by_hand(means: "Means", rotation: "Rotation") -> tuple[str, str, str]:
    """How the new one and the old one are called at a device, and where the secrets of it are read."""
    from controller.people import fingerprint
    from controller.rotation import carry
    from controller.rotation.ledger import Kind
    from controller.secrets import NEXT, NOW

    name = rotation.credential
    if rotation.kind is Kind.SNMP:
        new, old = (means.app.secrets.snmp_user(name + mark) for mark in (NEXT, NOW))
        return f"the user {new}", f"the user {old}", f" (their keys: plaza credentials show {name} DEVICE)"
    new, old = (carry.public_key(means, name + mark) for mark in (NEXT, NOW))
    return f"the key `{new}`", f"{fingerprint(old)}", ""


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
