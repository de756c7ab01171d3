"""`plaza history`: what a device ran, version by version, without secrets."""

import difflib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.history import Version
    from drivers.model import Device


@click.command()
@click.argument("name", metavar="AP")
@click.argument("numbers", metavar="[A [B]]", nargs=-1, type=click.IntRange(1))
@click.option(
    "--diff", "compared", is_flag=True, help="What changed from version A to B; else in the newest."
)
@click.option("--show", "number", type=click.IntRange(1), metavar="N", help="Print version N.")
def history(name: str, numbers: tuple[int, ...], compared: bool, number: int | None) -> None:
    """List what is kept of the device AP, newest first; a version is kept when something has changed.

    With one version A, `--diff` compares it with the newest. `plaza rollback` goes back to one.
    """
    from controller import app, settings
    from controller.cli.diff import coloured
    from controller.selector import select

    if (numbers and not compared) or len(numbers) > 2 or (compared and number is not None):
        raise click.UsageError("write `AP`, `AP --diff`, `AP --diff A`, `AP --diff A B` or `AP --show N`")
    built = app.build(settings.load())
    (device, *others) = select(built.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    if number is not None:
        click.echo(_version(built, device, number).text, nl=False)
    elif compared:
        click.echo(coloured(_difference(built, device, numbers)), nl=False)
    else:
        show_versions(built, device)


def show_versions(built: "App", device: "Device") -> None:
    """One line per version, newest first."""
    from datetime import UTC, datetime

    from controller import intent
    from controller.history import TRIED

    versions = _versions(built, device)
    if not versions:
        said = intent.why_not(device) or f"`plaza drift --now {device.name}` reads it"
        click.echo(f"{device.name}: nothing is kept of it yet; {said}", err=True)
        return
    now = next((version.fingerprint for version in versions if version.reason != TRIED), "")
    click.echo("version  seen at               kept as   fingerprint   by")
    for version in versions:
        at = datetime.fromtimestamp(version.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        runs = "  <- runs now, as far as we know" if version.fingerprint == now else ""
        line = f"{version.number:7}  {at}  {version.reason:8}  {version.fingerprint[:12]}  {version.actor}"
        click.echo(line + runs)


def _difference(built: "App", device: "Device", numbers: tuple[int, ...]) -> str:
    """Between two versions, older first as asked; "" where nothing of it may be shown."""
    versions = _versions(built, device)
    if not numbers and len(versions) < 2:
        raise click.UsageError(
            f"{device.name}: {len(versions)} versions are kept of it; there is nothing to compare"
        )
    newest = versions[0].number if versions else 0
    first, second = (*numbers, newest)[:2] if numbers else (versions[1].number, newest)
    before, after = (_version(built, device, number) for number in (first, second))
    lines = difflib.unified_diff(
        before.text.splitlines(),
        after.text.splitlines(),
        f"{device.name} (version {first})",
        f"{device.name} (version {second})",
        lineterm="",
    )
    text = "".join(f"{line}\n" for line in lines)
    if not text and before.fingerprint != after.fingerprint:
        click.echo("they differ in nothing that may be shown: secrets, comments, lines of others", err=True)
    return text


def _version(built: "App", device: "Device", number: int) -> "Version":
    from controller.errors import NoSuchVersion

    versions = _versions(built, device)
    for version in versions:
        if version.number == number:
            return version
    kept = ", ".join(str(version.number) for version in versions) or "none"
    raise NoSuchVersion(f"{device.name}: there is no version {number} of it; kept: {kept}")


def _versions(built: "App", device: "Device") -> "tuple[Version, ...]":
    from controller import rollout

    return rollout.works_of(built).history.versions(device.name)
