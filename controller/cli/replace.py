"""`plaza replace`: another box takes a device's place, and keeps its name, history and intent."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from controller.cli.apply import YES, Consent, carry_out
from controller.cli.newfile import NewFile

if TYPE_CHECKING:
    from controller.rotation.carry import Means
    from drivers.host_key import HostKey
    from drivers.model import Device

_PROOF: Final = (
    "Either read it there (OpenWrt: dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key) and add "
    "--fingerprint SHA256:…, or let it prove itself: --mac MAC --script FILE, run there at first boot"
)


@click.command()
@click.argument("name")
@click.option("--serial", required=True, help="As printed on the new box.")
@click.option("--mac", default="", help="As printed on the new box; a claim needs it.")
@click.option("--fingerprint", default="", metavar="SHA256:…", help="Read at the new box itself.")
@click.option(
    "--script",
    "script",
    type=NewFile(),
    help="Write what the new box runs at its first boot, with a one-time token, into this file.",
)
@click.option("--check", is_flag=True, help="Tell what would be done, and change nothing.")
@YES
def replace(
    name: str,
    serial: str,
    mac: str,
    fingerprint: str,
    script: Path | None,
    **how: bool,
) -> None:
    """Say that another box stands where the device NAME stood.

    Its name, history and intent stay. Its host key is believed only with proof from the site: a claim that
    the box used (--script makes one), or the fingerprint that somebody read at the box. Then it is configured
    as the old one was. Exit code 3: the proof is still missing; the old host key stays pinned.
    """
    import sys

    from controller import swaps

    serial, mac = serial.strip(), mac.strip().lower().replace("-", ":")
    if not serial:
        raise click.UsageError("--serial is empty; write what is printed on the new box")
    means = _means()
    device = _device(means, name)
    other = serial != device.serial or (mac and mac != device.mac)
    if how["check"]:
        sys.exit(_checked(means, device, (serial, mac) if other else None, fingerprint))
    if other:
        swaps.put_in_place(means, device, serial, mac)
        means = _means()
        device = _device(means, name)
        click.echo(f"{name}: serial {device.serial}, MAC {device.mac or 'not known'}")
    if fingerprint:
        _pin(means, device, fingerprint)
    elif not swaps.was_claimed(means, device):
        _ask_for_proof(means, device, script)
        sys.exit(3)
    _configure(means, device, Consent(how["yes"], (name,)))


def _configure(means: "Means", device: "Device", consent: Consent) -> None:
    """As `plaza apply` does it: of a new box it is no wonder that it is not what the old one was."""
    from controller.cli.diff import plan

    built = means.app
    carry_out(built, f"replace {device.name}", lambda _resumed: plan(built, [device]), consent, None)


def _checked(means: "Means", device: "Device", box: tuple[str, str] | None, fingerprint: str) -> int:
    """Say what would be done, looking only; 3 when the proof is missing. `box`: serial and MAC of another."""
    from controller import swaps

    if box is None:
        click.echo(f"{device.name}: serial and MAC are in the inventory already")
    else:
        swaps.try_in_place(means, device, *box)
        before = f"serial {device.serial or 'not known'}, MAC {device.mac or 'not known'}"
        click.echo(f"{device.name}: {before} would become serial {box[0]}, MAC {box[1] or 'not known'}")
    if fingerprint:
        shown = _seen(means, device)
        swaps.require_seen(device.name, shown, fingerprint)
        click.echo(f"{device.name}: {shown.kind} {shown.fingerprint} would be pinned, as it shows it")
    elif box is not None or not swaps.was_claimed(means, device):
        click.echo(f"{device.name}: then the proof is missing, and the old host key stays pinned. {_PROOF}")
        return 3
    click.echo(f"{device.name}: then it would become what the old one was: plaza diff {device.name}")
    return 0


def _seen(means: "Means", device: "Device") -> "HostKey":
    from contextlib import nullcontext

    from drivers import ssh

    with means.access.jump(device) or nullcontext() as through:
        return ssh.fetch_host_key(device, through=through)


def _pin(means: "Means", device: "Device", typed: str) -> None:
    from controller import swaps

    shown = _seen(means, device)
    swaps.pin_seen(means, device.name, shown, typed)
    click.echo(f"{device.name}: {shown.kind} {shown.fingerprint} pinned")


def _ask_for_proof(means: "Means", device: "Device", script: Path | None) -> None:
    if script is not None:
        _write_script(means, device, script)
        return
    click.echo(f"{device.name}: the host key of the new box is not believed yet. {_PROOF}", err=True)


def _write_script(means: "Means", device: "Device", file: Path) -> None:
    from controller.adoption import scripts
    from controller.adoption.claims import ClaimKind, load_claims
    from controller.files import write_private

    chosen = means.app.settings
    user = means.app.secrets.of(device).ssh(device.ssh_credentials).user
    write = scripts.KINDS[scripts.kind_of(device)]
    claims = load_claims(means.app.engine, chosen.data_dir)
    ticket = claims.issue(device, ClaimKind.REPLACE, means.ledger.actor, means.ledger.clock())
    write_private(file, write(ticket, chosen.public_edge_url, user))
    until = f"{ticket.expires_at:%Y-%m-%d %H:%M UTC}"
    said = f"{file}: for {device.name} alone, once, until {until}; keep it secret. When it ran, repeat this"
    click.echo(said, err=True)


def _device(means: "Means", name: str) -> "Device":
    from controller.selector import select

    (device, *others) = select(means.app.inventory, name)
    if others:
        raise click.UsageError(f"{name!r} is {1 + len(others)} devices; name one")
    return device


def _means() -> "Means":
    from controller import app, settings
    from controller.rotation import carry

    return carry.means_of(app.build(settings.load()))
