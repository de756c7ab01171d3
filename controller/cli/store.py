"""`plaza store`: how the samples are kept, whether they are whole, and how they are saved."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.settings import Settings
    from metrics.local.files import FileShelf
    from metrics.local.guard_gaps import Gap
    from metrics.local.store import LocalStore


@click.group()
def store() -> None:
    """See, check, repair, back up and restore the store of samples."""


@store.command()
def status() -> None:
    """What is kept and how much room it takes, what waits to be stored, and every gap."""
    from controller import settings
    from metrics.local.files import FileShelf
    from metrics.local.guard_gaps import noted

    loaded = settings.load()
    samples = _open(loaded)
    shelf = samples.shelf
    for kind, prefixes in _KINDS.items():
        names = [name for name in shelf.names() if name.startswith(prefixes)]
        octets = sum(map(shelf.octets, names))
        click.echo(f"{kind}: {len(names)}, {_mb(octets)}")
    if isinstance(shelf, FileShelf):
        _tell_room(loaded, shelf)
    for gap in noted(samples):
        click.echo(_sentence(gap))
    samples.close()


_KINDS = {
    "days as they came": ("raw-",),
    "days in chunks": ("cold-",),
    "rollups": ("rollup",),
}


def _tell_room(loaded: "Settings", shelf: "FileShelf") -> None:
    from metrics.local.guard import free_octets, least_free_octets
    from metrics.local.guard_writing import notes

    least = least_free_octets(shelf.directory, loaded.min_free_mb)
    ballast = "held" if (shelf.directory / "ballast").exists() else "not held"
    click.echo(
        f"free: {_mb(free_octets(shelf.directory))}, old days go below {_mb(least)}, ballast {ballast}"
    )
    for writer, words in notes(shelf.directory).items():
        lost = ", ".join(f"{points} of {name}" for name, points in sorted(words["lost"].items())) or "none"
        since = _time(words["since"])
        click.echo(
            f"{writer}: {words['waiting']} samples wait since {since}, lost: {lost}; {words['reason']}"
        )
    for path in shelf.aside():
        click.echo(f"{path}: damaged and set aside; plaza store repair saves what can be read")


def _sentence(gap: "Gap") -> str:
    about = f"about {gap.points} points" if gap.points else "an unknown number of points"
    what = f" of {gap.measurement}" if gap.measurement else ""
    where = f"sink {gap.sink}" if gap.sink else "the store"
    return f"gap: {where} lacks {about}{what} from {_time(gap.first)} to {_time(gap.last)}; {gap.reason}"


def _time(second: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _mb(octets: int) -> str:
    return f"{octets / 2**20:.1f} MB"


@store.command()
def check() -> None:
    """Read everything and say what is damaged, one line each. Exit code 3 when anything is."""
    from controller import settings
    from metrics.local.repair_check import faults

    samples = _open(settings.load())
    found = 0
    for line in faults(samples):
        found += 1
        click.echo(line)
    samples.close()
    if found:
        sys.exit(3)
    click.echo("everything that is kept is whole")


@store.command()
def repair() -> None:
    """Save what can be read of damaged days and count the rest; Plaza may run meanwhile.

    Nothing is deleted: a damaged file stays beside the others as NAME.db.repaired-TIME.
    """
    import time

    from controller import settings
    from metrics.local import repair as repairing

    samples = _open(settings.load())
    found = 0
    for one in repairing.repair(samples, int(time.time())):
        found += 1
        lost = ", ".join(
            f"{f'about {points}' if points else 'an unknown number of'} points{f' of {name}' if name else ''}"
            for name, points in sorted(one.lost.items())
        )
        told = (
            "may be deleted"
            if all(one.lost.values())
            else "stays: keep it, no program of ours reads more of it"
        )
        click.echo(f"{one.day}: {one.saved} points saved, lost: {lost or 'none'}; {one.file} {told}")
    others = list(repairing.beyond_repair(samples))
    for line in others:
        click.echo(line)
    samples.close()
    if others:
        sys.exit(3)
    if not found:
        click.echo("nothing is damaged")


@store.command()
@click.argument("directory", type=click.Path(path_type=Path))
def backup(directory: Path) -> None:
    """Copy the samples into the new DIRECTORY while Plaza runs, each copy checked.

    The inventory, secrets and the relational store are not in it.
    """
    from controller import settings
    from metrics.local.backup import MANIFEST, back_up

    samples = _open(settings.load())
    copied = list(back_up(samples, directory))
    samples.close()
    octets = sum(one.octets for one in copied)
    click.echo(f"{directory}: {len(copied)} volumes, {_mb(octets)}, checked; see {directory / MANIFEST}")


@store.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(directory: Path) -> None:
    """Put the backup in DIRECTORY into a data directory that has no samples yet."""
    from controller import settings
    from controller.errors import StoreError
    from metrics.local import backup as backups

    loaded = settings.load()
    if loaded.samples_url:
        raise StoreError("samples_url is set: a PostgreSQL database is restored by pg_restore")
    copied = backups.restore(directory, loaded.samples_dir)
    click.echo(f"{loaded.samples_dir}: {len(copied)} volumes restored, each as it was backed up")


def _open(loaded: "Settings") -> "LocalStore":
    from metrics.local.store import LocalStore

    return LocalStore.open(loaded.samples_place)
