"""`plaza gateway`: what a site's own gateway program needs."""

from pathlib import Path

import click

from controller.snippets import CHILLI, KINDS, checked


@click.group()
def gateway() -> None:
    """Write what a site's gateway needs."""


@gateway.command()
@click.argument("site")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--lan", required=True, help="The interface of the guests.")
@click.option("--wan", required=True, help="The interface towards the Internet.")
@click.option("--portal-at", required=True, metavar="IP:PORT", help="What a phone reaches before the tap.")
@click.option("--management", multiple=True, metavar="CIDR", help="What guests never reach; may be repeated.")
def write(
    site: str, directory: Path, lan: str, wan: str, portal_at: str, management: tuple[str, ...]
) -> None:
    """Write gateway.toml, site.key and gateway.pyz for SITE into DIRECTORY; copy it to the site as it is."""
    from controller import settings
    from controller.app import build
    from controller.errors import SelectorError
    from controller.gateways import Doors, hand_over

    app = build(settings.load())
    if site not in app.inventory.sites:
        raise SelectorError(
            f"no site {site!r} in the inventory; its key is like {next(iter(app.inventory.sites))}"
        )
    hand_over(app, app.inventory.sites[site], Doors(lan, wan, portal_at, management), directory)
    click.echo(f"{directory} is ready for {site}; at the site: python3 -I -S gateway.pyz gateway.toml")


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
