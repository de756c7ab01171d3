"""`plaza inventory`: check the file that describes the network, and explain its values."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.errors import Problem
    from controller.inventory import Explanation


@click.group()
def inventory() -> None:
    """Check and explain the inventory."""


@inventory.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Report every mistake of FILE as file:line: where: what, how to mend.

    FILE is the inventory of the settings unless given.
    """
    from controller import inventory as inventory_file
    from controller import inventory_doubts, inventory_languages

    found = inventory_file.load(_chosen(file))
    counts = (
        _count(len(found.municipalities), "municipality", "municipalities"),
        _count(len(found.sites), "site", "sites"),
        _count(len(found.devices), "device", "devices"),
    )
    for warning in (
        *_revoked(_chosen(file)),
        *inventory_languages.unsigned(_chosen(file)),
        *inventory_doubts.doubts(_chosen(file), found),
    ):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{', '.join(counts)}: no errors")


@inventory.command()
@click.argument("name")
@click.argument("key")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Another file than the inventory of the settings."
)
def explain(name: str, key: str, file: Path | None) -> None:
    """Tell where a device, site or municipality gets a value from.

    NAME is its name or key; KEY is dotted, like radios.5g.channel, ssids or snmp.port.
    """
    from controller import inventory as inventory_file

    for each, explanation in inventory_file.explain_all(_chosen(file), name, key).items():
        click.echo(f"{each} = {_shown(explanation.value)}  ({_origin(explanation)})")


def _revoked(path: Path) -> "list[Problem]":
    """People who are listed though their keys were revoked; nobody where there is no store yet."""
    from controller import inventory_people, settings
    from controller.rotation.standing import revoked_lines
    from controller.store.engine import HEAD, open_engine, version

    chosen = settings.load()
    if not chosen.store_url and not (chosen.data_dir / "plaza.db").exists():
        return []
    engine = open_engine(chosen.database_url)
    return list(inventory_people.revoked(path, revoked_lines(engine))) if version(engine) == HEAD else []


def _chosen(file: Path | None) -> Path:
    """The file asked for, or the one of the settings, shown relative to where we are."""
    from controller import settings

    if file is not None:
        return file
    path = settings.load().inventory
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _shown(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _origin(explanation: "Explanation") -> str:
    if not explanation.line:
        return explanation.level
    return f"{explanation.level}, {explanation.file}:{explanation.line}"
