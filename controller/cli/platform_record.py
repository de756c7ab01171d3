"""`plaza platform record`: a device as a file that may be shown to others."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.errors import SelectorError, SettingsError
from drivers.definition import load_platforms
from drivers.errors import PlatformError
from drivers.leftover import left_as_they_are
from drivers.model import Endpoint, SnmpV3
from drivers.private import private
from drivers.recording import lines_of
from drivers.scrub import scrub
from drivers.snmp.backends import open_poller
from drivers.trying import try_recording
from drivers.walking import walk

if TYPE_CHECKING:
    from controller.app import App
    from drivers.model import SnmpCredentials
    from drivers.snmp.seam import Oid, Value

DEADLINE_S = 600.0
_MOST_SHOWN = 40
_MOST_CHARACTERS = 60
_READ_IT = """\
Names, addresses and serial numbers were exchanged. Read the file before you send it: what a device says in
objects that no platform knows may hold more; hide it: --hide TEXT -o OTHER.snmprec.
Then: plaza platform try {file}"""


def target(app: "App", host: str, port: int, credential: str) -> "tuple[Endpoint, SnmpCredentials]":
    """Where the device is and what it is asked with: as the inventory says, unless a credential is named."""
    if credential:
        return Endpoint(host, port), app.secrets.snmp(credential)
    device = app.inventory.devices.get(host)
    if device is None:
        raise SelectorError(
            f"{host} is no device of the inventory: name the credential to ask it with, --community-from NAME"
        )
    return device.snmp, app.secrets.of(device).snmp(device.snmp_credentials)


def record(endpoint: Endpoint, credentials: "SnmpCredentials", hidden: tuple[str, ...], file: Path) -> None:
    """Walk, scrub, write, and say what to do next. Raises DriverError, SettingsError."""
    objects, broken = asyncio.run(_walk(endpoint, credentials))
    platforms = load_platforms()
    words = {word for name, one in platforms.items() for word in (*name.split("_"), one.vendor)}
    secret = (credentials.user,) if isinstance(credentials, SnmpV3) else (credentials.community.reveal(),)
    clean = scrub(objects, private(platforms.values()), words, (*hidden, *secret))
    _write(file, [f"# plaza platform record, {len(clean)} objects", *lines_of(clean)])
    click.echo(
        f"wrote {file}: {len(clean)} objects, {len(objects) - len(clean)} left out; {_recognised(clean)}"
    )
    if broken:
        click.echo(f"not all of it: {broken}", err=True)
    known = [oid for one in platforms.values() for oids in one.wanted for oid in oids]
    if left := left_as_they_are(objects, clean, known):
        more = f" … and {len(left) - _MOST_SHOWN} more" if len(left) > _MOST_SHOWN else ""
        click.echo(f"Left as they are: {', '.join(map(_quoted, left[:_MOST_SHOWN]))}{more}")
    click.echo(_READ_IT.format(file=file))


def _quoted(text: str) -> str:
    return f'"{text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"}"'


async def _walk(endpoint: Endpoint, credentials: "SnmpCredentials") -> "tuple[dict[Oid, Value], str]":
    poller = open_poller()
    try:
        return await walk(endpoint, credentials, poller, DEADLINE_S)
    finally:
        await poller.close()


def _recognised(objects: "dict[Oid, Value]") -> str:
    try:
        tried = asyncio.run(try_recording(objects, load_platforms()))
    except PlatformError:
        return "no platform recognises it yet"
    return f"platform {tried.platform}, {len(tried.samples)} samples"


def _write(file: Path, lines: list[str]) -> None:
    """Never over another file, and only for us to read."""
    try:
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as to:
            to.writelines(f"{line}\n" for line in lines)
    except FileExistsError as error:
        raise SettingsError(f"{file} is there already; choose another with -o FILE") from error
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; choose another with -o FILE") from error
