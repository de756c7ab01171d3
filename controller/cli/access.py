"""`plaza access`: who may log in at devices, and how somebody's keys leave all of them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.apply import TYPED, YES
from controller.cli.asking import agreed

if TYPE_CHECKING:
    from controller.rotation.carry import Means
    from controller.rotation.ledger import Rotation


@click.group()
def access() -> None:
    """Show who may log in at devices, and end it."""


@access.command("list")
def list_people() -> None:
    """List people with their keys and devices, and the keys that were revoked."""
    from controller.cli.spreading import when
    from controller.people import at, fingerprint
    from controller.rotation.ledger import OF_HOST

    means = _means()
    inventory = means.app.inventory
    gone = {one.fingerprint: one for one in means.ledger.revoked() if not one.person.startswith(OF_HOST)}
    for person in inventory.people.values():
        for line in person.ssh_keys:
            state = "revoked" if fingerprint(line) in gone else f"{len(at(inventory, person))} devices"
            click.echo(f"{person.name}  {fingerprint(line)}  {person.devices}: {state}")
    for one in gone.values():
        said = f"revoked {when(one.revoked_at)} by {one.revoked_by}: {one.why}"
        click.echo(f"{one.person}  {one.fingerprint}  {said}")
    if not inventory.people and not gone:
        mend = "write them below `people:` in the inventory (docs/people.md)"
        click.echo(f"nobody is listed, and no key was revoked; {mend}", err=True)


@access.command()
@click.argument("person")
@click.option("--why", required=True, help="Why, for the audit log.")
@click.option(
    "--key",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .pub file of somebody who is not in the inventory any more, or of a key beside those there.",
)
@YES
@TYPED
def revoke(person: str, why: str, files: tuple[Path, ...], yes: bool, typed: tuple[str, ...]) -> None:
    """Revoke all keys of PERSON: no device takes them any more.

    From now on whatever Plaza changes takes them out; then a rollout does so at every device. Who is off
    keeps accepting them until it is back: run this again, or let the worker do it; `plaza access report
    PERSON` says who. Exit code 3: some are left, or Plaza does not enter some and cannot know.
    """
    from controller.cli import spreading
    from controller.rotation import carry
    from controller.rotation.ledger import PEOPLE, Stage

    means = _means()
    lines = [*_lines_of(means, person), *map(_line, files)]
    rotation = means.ledger.of(person, PEOPLE)
    known = {one.line for one in means.ledger.revoked() if one.person == person}
    if rotation is None or set(lines) - known:
        _require_keys(person, lines)
        keys = "1 key" if len(lines) == 1 else f"{len(lines)} keys"
        if not yes and not agreed(f"Revoke {keys} of {person} everywhere?"):
            click.echo("nothing was revoked", err=True)
            return
        rotation = carry.revoke(means, person, lines, why)
    rotation = spreading.go_on(rotation, spreading.Agreed(yes, typed))
    click.echo(_left(means, rotation), err=True)
    sys.exit(0 if rotation.state is Stage.DONE and not carry.unknown(means) else 3)


@access.command()
@click.argument("person")
@click.option("--look", is_flag=True, help="Ask every device now, those too that had given the key up.")
def report(person: str, look: bool) -> None:
    """Say device by device whether it still accepts a key of PERSON, and since when that is known.

    Exit code 3: some may still accept it, or Plaza does not enter some and cannot know.
    """
    from controller.cli import spreading
    from controller.errors import CredentialError
    from controller.rotation import carry
    from controller.rotation.ledger import PEOPLE, Accepts

    means = _means()
    rotation = means.ledger.of(person, PEOPLE)
    if rotation is None:
        raise CredentialError(f"{person}: no key was revoked; plaza access revoke {person} --why TEXT")
    if look:
        carry.look_at(means, rotation, lambda _seen: None, means.app.inventory.devices)
        carry.forward(means, rotation)
    for line in spreading.told(means, rotation):
        click.echo(line)
    unknown = carry.unknown(means)
    if not means.ledger.steps(rotation) and not unknown:
        click.echo("Plaza enters no device yet, so nothing is known; plaza adopt pins some", err=True)
    for device in unknown:
        click.echo(f"{device.name}: unknown: Plaza does not enter it, so look there by hand")
    here = means.app.inventory.devices
    steps = [step for step in means.ledger.steps(rotation) if step.device in here]
    sys.exit(3 if unknown or any(step.accepts is not Accepts.NEW for step in steps) else 0)


def _means() -> "Means":
    from controller import app, settings
    from controller.rotation import carry

    return carry.means_of(app.build(settings.load()))


def _lines_of(means: "Means", person: str) -> tuple[str, ...]:
    found = means.app.inventory.people.get(person)
    return found.ssh_keys if found is not None else ()


def _line(file: Path) -> str:
    from pydantic import TypeAdapter, ValidationError

    from controller.errors import CredentialError
    from controller.inventory_hosts import SshKeys

    text = file.read_text(encoding="utf-8", errors="replace").strip()
    try:
        (line,) = TypeAdapter(SshKeys).validate_python((text,))
    except ValidationError:
        raise CredentialError(f"{file}: is no public SSH key; name the .pub file") from None
    return line


def _require_keys(person: str, lines: "list[str]") -> None:
    from controller.errors import CredentialError

    if not lines:
        what = f"{person}: is not below `people:` in the inventory"
        raise CredentialError(f"{what}; name the key: plaza access revoke {person} --key FILE.pub --why TEXT")


def _left(means: "Means", rotation: "Rotation") -> str:
    from controller.rotation import carry
    from controller.rotation.ledger import Accepts

    steps = [step for step in means.ledger.steps(rotation) if step.device in means.app.inventory.devices]
    left, unknown = sum(step.accepts is not Accepts.NEW for step in steps), len(carry.unknown(means))
    said = f"{len(steps) - left} of {len(steps)} devices refuse the keys of {rotation.credential}"
    said += f", and of {unknown} that Plaza does not enter nothing is known" if unknown else ""
    return said + (f"; who is left: plaza access report {rotation.credential}" if left or unknown else "")
