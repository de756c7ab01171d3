"""`plaza platform`: the kinds of devices we know, and how to add one."""

import asyncio
import json
from pathlib import Path

import click


@click.group()
def platform() -> None:
    """List, write and try platforms: the kinds of devices Plaza understands."""


@platform.command(name="list")
def list_() -> None:
    """Every platform with what it was tested on."""
    from rich.console import Console
    from rich.table import Table

    from drivers.definition import load_platforms

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Platform", "Vendor", "Verified", "Tested on"):
        table.add_column(heading, overflow="fold")
    for name, one in load_platforms().items():
        table.add_row(
            name, one.vendor, "yes" if one.verified else "no", "; ".join(one.tested_on) or "its MIB"
        )
    Console().print(table)


@platform.command()
@click.argument("name", default="")
def safety(name: str) -> None:
    """How safely each platform, or NAME only, is configured: what brings it back, what cannot be set."""
    from controller.cli.platform_safety import show_safety

    show_safety(name)


@platform.command()
@click.argument("measurement", default="")
def fields(measurement: str) -> None:
    """The fields that a platform may tell, with unit and meaning; of MEASUREMENT (or block) only."""
    from controller.cli.platform_fields import show_fields

    show_fields(measurement)


@platform.command(name="try")
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--platform", "name", default="", help="Instead of the one that recognises the device.")
@click.option("--file", type=click.Path(path_type=Path), help="A platform.yaml that is not installed yet.")
@click.option("--json", "as_json", is_flag=True, help="One object: platform, facts, samples, problems.")
def try_(recording: Path, name: str, file: Path | None, as_json: bool) -> None:
    """Poll RECORDING (a .snmprec file) as a device, and show what comes out."""
    from controller.cli.platform_show import show
    from drivers.definition import load_platforms, read_platform
    from drivers.recording import read_recording
    from drivers.trying import try_recording

    platforms = dict(load_platforms())
    if file is not None:
        own = read_platform(_text(file), str(file))
        platforms[own.name], name = own, own.name
    tried = asyncio.run(try_recording(read_recording(recording), platforms, name))
    source = _source(tried.platform, file)
    if as_json:
        click.echo(json.dumps(tried.as_object(tried.told(*source)), ensure_ascii=False, indent=2))
    else:
        show(tried, source)


@platform.command()
@click.argument("name")
@click.option("--in", "folder", type=click.Path(path_type=Path), help="Where; our own platforms otherwise.")
def new(name: str, folder: Path | None) -> None:
    """Write the skeleton of a platform called NAME."""
    from drivers.skeleton import write_skeleton

    click.echo(
        f"wrote {write_skeleton(name, folder)}; fill it in, then: plaza platform try RECORDING.snmprec"
    )


@platform.command()
@click.argument("host")
@click.option("--port", default=161, show_default=True, help="Of its SNMP agent.")
@click.option(
    "--community-from",
    "credential",
    default="",
    metavar="CREDENTIAL",
    help="The credential of the inventory to ask it with. Without it HOST is a device of the inventory.",
)
@click.option("--hide", multiple=True, metavar="TEXT", help="A text that must not be in the file; repeat it.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file; HOST.snmprec otherwise.")
def record(host: str, port: int, credential: str, hide: tuple[str, ...], output: Path | None) -> None:
    """Walk HOST into a recording without names, addresses, serial numbers and secrets.

    Nothing is changed on the device. It takes minutes where its tables are long.
    """
    from controller import settings
    from controller.app import build
    from controller.cli import platform_record

    app = build(settings.load())
    endpoint, credentials = platform_record.target(app, host, port, credential)
    platform_record.record(endpoint, credentials, hide, output or Path(f"{host}.snmprec"))


def _source(name: str, file: Path | None) -> tuple[str, str]:
    """The text of a platform.yaml and how it is called."""
    from drivers.definition import platform_text

    return (_text(file), str(file)) if file is not None else (platform_text(name), f"{name}/platform.yaml")


def _text(file: Path) -> str:
    from controller.errors import ControllerError
    from drivers.texts import decoded

    try:
        return decoded(file.read_bytes(), str(file))
    except OSError as error:
        raise ControllerError(f"{file}: {error.strerror}") from error
