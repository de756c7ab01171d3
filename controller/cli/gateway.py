"""`plaza gateway`: what a site's own gateway program needs."""

from pathlib import Path
from typing import Any

import click

from controller.cli import gateway_staff
from controller.snippets import CHILLI, KINDS, checked


@click.group()
def gateway() -> None:
    """Write what a site's gateway needs, show how it stands, keep devices out."""


for _command in (gateway_staff.block, gateway_staff.unblock, gateway_staff.blocks, gateway_staff.show):
    gateway.add_command(_command)


@gateway.command()
@click.argument("site")
@click.option(
    "-o",
    "--output",
    "target",
    default="plaza-gateway.pyz",
    show_default=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.",
)
@click.option("--lan", required=True, help="The interface of the guests.")
@click.option("--wan", required=True, help="The interface towards the Internet.")
@click.option("--portal-at", required=True, metavar="IP:PORT", help="What a phone reaches before the tap.")
@click.option("--management", multiple=True, metavar="CIDR", help="What guests never reach; may be repeated.")
@click.option("--guests", default="", metavar="CIDR", help="The guests' network, if not the inventory's.")
def build(site: str, target: Path, **doors: Any) -> None:
    """Build the one file that installs the gateway of SITE there; it holds the site's key."""
    from controller import app as application
    from controller import gateways, settings
    from controller.errors import SelectorError

    app = application.build(settings.load())
    if site not in app.inventory.sites:
        raise SelectorError(
            f"no site {site!r} in the inventory; its key is like {next(iter(app.inventory.sites))}"
        )
    gateways.build(app, app.inventory.sites[site], gateways.Doors(**doors), target)
    click.echo(f"{target} holds the key of {site}: give it to nobody else, delete it once it is installed")
    click.echo(f"at the site, as root: python3 {target.name} install")


@gateway.command()
@click.argument("site")
@click.option("--kind", required=True, type=click.Choice(sorted({*KINDS, CHILLI})), help="Who reads it.")
@click.option("--api", metavar="URL", help="The site's RFC 8908 API; coovachilli's is the portal's.")
def snippets(site: str, kind: str, api: str | None) -> None:
    """Print what tells the phones of SITE where its captive portal API is (RFC 8910)."""
    from controller import settings
    from controller.app import build
    from controller.capport import coovachilli, elsewhere
    from controller.errors import SelectorError

    app = build(settings.load())
    if site not in app.inventory.sites:
        raise SelectorError(f"no site {site!r} in the inventory")
    if (kind == CHILLI) == bool(api):
        raise click.UsageError("--api is needed with every kind but coovachilli, and with that none")
    if api:
        click.echo(KINDS[kind](elsewhere(app.settings, app.inventory.sites[site], checked(api))), nl=False)
    else:
        click.echo(coovachilli(app.settings, app.inventory.sites[site]), nl=False)
