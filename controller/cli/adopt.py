"""`plaza adopt`: takes new devices in, and pins the SSH host keys that devices show."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.adopt_pin import pin
from controller.cli.apply import counted
from controller.cli.newfile import NewFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.adoption.claims import Ticket
    from controller.adoption.enlisting import Enlisting
    from controller.app import App
    from controller.model import Site
    from drivers.model import Device


class OrPin(click.Group):
    """What is no command is a selector: `plaza adopt NAME` means `plaza adopt pin NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `pin` in front of anything that is no command and no question for help."""
        asks_help = bool(args) and args[0] in ctx.help_option_names
        if args and args[0] not in self.commands and not asks_help:
            args = ["pin", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """The command of that name, else `pin`."""
        return super().get_command(ctx, name) or pin


@click.group(cls=OrPin)
def adopt() -> None:
    """Take new devices in. `plaza adopt SELECTOR` pins the SSH host keys that devices show."""


adopt.add_command(pin)


@adopt.command("csv")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Tell every mistake, write nothing.")
def csv_(file: Path, check: bool) -> None:
    """Add the devices of a CSV FILE to the inventory, as expected. All of them, or none and every mistake.

    Columns: name, site, address, mac, and where wanted platform, serial, role, parent, profile, model, where.
    """
    from controller import settings
    from controller.adoption import expected

    path = settings.load().inventory
    found = expected.read(file, path)
    if check:
        expected.require_fitting(path, found)
        click.echo(f"{counted(len(found.entries))} in order; nothing was written")
        return
    expected.add(path, found)
    click.echo(f"{counted(len(found.entries))} expected from now on; git diff {path} shows them")


@adopt.command()
@click.argument("name")
def token(name: str) -> None:
    """Print a one-time token for the expected device NAME: good for 24 h, once, for its MAC."""
    built = _build()
    ticket = _issue(built, _device(built, name))
    click.echo(f"{name} {ticket.identity.mac} until {ticket.expires_at:%Y-%m-%d %H:%M UTC}", err=True)
    click.echo(f"claim {ticket.identity.claim}\ntoken {ticket.token.reveal()}")


@adopt.command()
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["openwrt", "routeros"]), help="By default what the platform needs."
)
@click.option("--out", type=NewFile(), help="A file only you can read.")
def script(name: str, kind: str | None, out: Path | None) -> None:
    """Write what the expected device NAME runs at its first boot, with a new one-time token in it.

    OpenWrt: into its image as files/etc/uci-defaults/99-plaza, or pasted in a shell. RouterOS: /import.
    """
    from controller.adoption import public_key, scripts
    from controller.files import write_private

    built = _build()
    device = _device(built, name)
    kind = kind or scripts.kind_of(device)
    public_key.of_device(built.secrets, device)  # what would fail at the device is told here
    user = built.secrets.of(device).ssh(device.ssh_credentials).user
    _warn_of_loopback(built.settings.public_edge_url)
    ticket = _issue(built, device)
    text = scripts.KINDS[kind](ticket, built.settings.public_edge_url, user)
    if out is None:
        click.echo(text, nl=False)
        return
    write_private(out, text)
    click.echo(f"{out}: for {name} alone, once, until {ticket.expires_at:%Y-%m-%d %H:%M UTC}; keep it secret")


@adopt.command()
@click.argument("site")
@click.option("--server", type=click.Choice(["dnsmasq", "isc", "kea"]), default="dnsmasq", show_default=True)
@click.option(
    "--controller", "controllers", multiple=True, required=True, metavar="IP", help="May be repeated."
)
def dhcp(site: str, server: str, controllers: tuple[str, ...]) -> None:
    """Print DHCP options that lead the expected devices of SITE to their vendor's controller."""
    from ipaddress import AddressValueError, IPv4Address

    from controller.adoption import dhcp as options

    built = _build()
    wanted = options.vendors(_new_devices(built, _site(built, site)))
    try:
        addresses = [IPv4Address(text) for text in controllers]
    except AddressValueError as error:
        raise click.BadParameter(f"{error}; write an IPv4 address", param_hint="--controller") from None
    click.echo(options.SERVERS[server](wanted, addresses), nl=False)


@adopt.command()
@click.argument("site")
@click.option("--out", type=NewFile(), required=True, help="The HTML file.")
@click.option("--paper", type=click.Choice(["letter", "a4"]), default="letter", show_default=True)
@click.option("--call", default="", help="Whom to call, as it is printed.")
@click.option("--with-token", is_flag=True, help="Print new one-time tokens on it; then it is a secret.")
def sheet(site: str, out: Path, paper: str, call: str, with_token: bool) -> None:
    """Write the field sheet of SITE to print: a page for each expected device, Spanish first."""
    from zoneinfo import ZoneInfo

    from controller.adoption import sheet as sheets
    from controller.app import utc_now
    from controller.files import write_private

    built = _build()
    place = _site(built, site)
    devices = _new_devices(built, place)
    tickets = {device.name: _issue(built, device) for device in devices} if with_token else {}
    today = sheets.shown_date(utc_now().astimezone(ZoneInfo(place.hours.zone)))
    printed = {"paper": paper, "call": call, "date": today}
    write_private(out, sheets.page(built.inventory, place, devices, tickets, printed))
    pages = "1 page" if len(devices) == 1 else f"{len(devices)} pages"
    click.echo(f"{out}: {pages} to print" + ("; it holds tokens" if with_token else ""))


@adopt.command()
def status() -> None:
    """Show where each expected device stands, and what to do next."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from controller.adoption import status as states
    from controller.app import utc_now

    built = _build()
    if moved := _enlisting(built).enlist(partial(getattr, built, "inventory")):
        click.echo(f"claimed, and in staging now: {', '.join(moved)}", err=True)
        built = _build()
    rows = states.rows(built.inventory, built.engine, utc_now())
    if not rows:
        click.echo("no device is expected or in staging; plaza adopt csv FILE adds some")
        return
    table = Table("DEVICE", "SITE", "STATE", "STANDS", "NEXT", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in (row.device, row.site, row.state, row.stands, row.next)))
    console = Console()
    if not console.is_terminal:
        console.width = 240
    console.print(table)


@adopt.command()
@click.argument("name")
def done(name: str) -> None:
    """Poll NAME; when it answers, its state becomes active. Exit code 2: it does not answer."""
    from controller.adoption.first_sample import first_sample
    from drivers.model import Lifecycle

    built = _build()
    device = _device(built, name)
    fields = first_sample(built, device).fields
    shown = ", ".join(f"{key} {fields[key]}" for key in ("uptime_s", "clients") if key in fields)
    click.echo(f"{name}: it answers ({shown})")
    if device.state is not Lifecycle.ACTIVE:
        _enlisting(built).move(name, Lifecycle.ACTIVE)
        click.echo(f"{name}: active; plaza run polls it from its next start on")


def _build() -> "App":
    from controller import app, settings

    return app.build(settings.load())


def _device(built: "App", name: str) -> "Device":
    from controller.errors import SelectorError
    from controller.inventory_words import near

    if name not in built.inventory.devices:
        raise SelectorError(f"no device is called {name!r}, {near(name, built.inventory.devices)}")
    return built.inventory.devices[name]


def _site(built: "App", key: str) -> "Site":
    from controller.errors import SelectorError
    from controller.inventory_words import near

    if key not in built.inventory.sites:
        raise SelectorError(f"no site is called {key!r}, {near(key, built.inventory.sites)}")
    return built.inventory.sites[key]


def _new_devices(built: "App", site: "Site") -> "Sequence[Device]":
    """Those of a site that are expected or in staging. Raises SelectorError when there is none."""
    from controller.adoption.status import NEW
    from controller.errors import SelectorError

    found = [one for one in built.inventory.devices.values() if one.site == site.key and one.state in NEW]
    if not found:
        raise SelectorError(f"no device of {site.key} is expected; add some with `plaza adopt csv FILE`")
    return found


def _warn_of_loopback(url: str) -> None:
    """A device at its site reaches nobody on its own loopback."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        warning = f"edge_url (PLAZA_EDGE_URL): {url} is this machine itself; set what the site reaches"
        click.echo(warning, err=True)


def _issue(built: "App", device: "Device") -> "Ticket":
    from controller import audit
    from controller.adoption.claims import ClaimKind, load_claims
    from controller.app import utc_now

    claims = load_claims(built.engine, built.settings.data_dir)
    return claims.issue(device, ClaimKind.ADOPT, audit.actor(), utc_now())


def _enlisting(built: "App") -> "Enlisting":
    from controller import audit
    from controller.adoption.enlisting import Enlisting
    from controller.app import utc_now

    key = audit.load_key(built.settings.data_dir)
    return Enlisting(built.engine, key, built.settings.inventory, audit.actor(), utc_now)
