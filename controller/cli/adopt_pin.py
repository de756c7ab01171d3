"""`plaza adopt pin`: pins the SSH host keys that devices show, so that an impostor is seen later."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click

from controller.cli.selecting import selecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.access import Access, Pinning
    from controller.errors import SecretError
    from drivers.errors import DriverError
    from drivers.host_key import HostKey
    from drivers.model import Device


@click.command()
@selecting(required=True)
@click.option(
    "--replace-key",
    "replace",
    multiple=True,
    metavar="NAME",
    help="Believe the new key of this device, whose pinned key is another. Once for each device.",
)
def pin(selector: str, replace: tuple[str, ...]) -> None:
    """Pin the SSH host keys that the devices of SELECTOR show now.

    Compare each fingerprint with what the device itself prints. Exit code 2: some were not pinned.
    """
    from controller import app, audit, settings
    from controller.access import Pinning
    from controller.rollout import access_of
    from controller.selector import select

    built = app.build(settings.load())
    devices = select(built.inventory, selector)
    _require_selected(replace, devices, selector)
    pinning = Pinning(built.engine, audit.load_key(built.settings.data_dir), audit.actor())
    access = access_of(built)
    with ThreadPoolExecutor(max_workers=16) as pool:
        found = list(pool.map(partial(_fetch, access), devices))
    results = [_settle(pinning, device, key, replace) for device, key in zip(devices, found, strict=True)]
    if not all(results):
        sys.exit(2)


def _require_selected(replace: tuple[str, ...], devices: "Sequence[Device]", selector: str) -> None:
    from controller.errors import SelectorError

    others = set(replace) - {device.name for device in devices}
    if others:
        named = ", ".join(sorted(others))
        raise SelectorError(f"--replace-key {named}: {selector!r} selects no such device; nothing was pinned")


def _fetch(access: "Access", device: "Device") -> "HostKey | DriverError | SecretError":
    from controller.errors import SecretError
    from drivers import ssh
    from drivers.errors import DriverError

    try:
        with access.jump(device) or nullcontext() as through:
            return ssh.fetch_host_key(device, through=through)
    except (DriverError, SecretError) as error:
        return error


def _settle(
    pinning: "Pinning", device: "Device", key: "HostKey | DriverError | SecretError", replace: tuple[str, ...]
) -> bool:
    """Pin one key or say why not; returns whether the device's present key is pinned now."""
    from controller.access import owner, pinned
    from controller.app import utc_now
    from drivers.host_key import HostKey

    if not isinstance(key, HostKey):
        click.echo(f"{device.name}: {str(key).removeprefix(f'{device.name}: ')}", err=True)
        return False
    before = pinned(pinning.engine, device.name)
    shown = f"{device.name}: {key.kind} {key.fingerprint}"
    if before == key:
        click.echo(f"{shown} already pinned")
    elif before is None:
        pinning.pin(device.name, key, utc_now())
        click.echo(f"{shown} pinned")
    elif device.name in replace:
        pinning.pin(device.name, key, utc_now())
        click.echo(f"{shown} pinned in place of {before.fingerprint}")
    else:
        mend = _mend(device.name, owner(pinning.engine, key.fingerprint))
        click.echo(f"{shown} refused: pinned is {before.fingerprint}; {mend}", err=True)
        return False
    return True


def _mend(name: str, other: str) -> str:
    """What to do about a changed key, which may be the one of an `other` device."""
    if other:
        return f"that is the key of {other}: are cables or addresses swapped?"
    why = "somebody may stand in between. If it was reinstalled"
    return f"{why}: plaza adopt --replace-key {name} {name}"
