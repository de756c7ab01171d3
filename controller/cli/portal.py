"""`plaza portal`: what hangs at a site, and how many came to its page."""

from datetime import datetime
from pathlib import Path

import click

from controller.cli.newfile import NewFile
from controller.cli.portal_count import count


@click.group()
def portal() -> None:
    """Print what hangs at a site, and count who came to its page."""


portal.add_command(count)


@portal.command()
@click.argument("site")
@click.option("-o", "--output", default="sign.pdf", show_default=True, type=NewFile(), help="The PDF.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day it is for; without it, today.")
def sign(site: str, output: Path, on: datetime | None) -> None:
    """Write the sign of SITE: network, short address, hours, help; neutral where the day is."""
    from zoneinfo import ZoneInfo

    from controller import settings
    from controller.app import build, utc_now
    from controller.cli.printed_url import printed_url
    from controller.errors import SelectorError
    from controller.files import write_private_octets
    from controller.printing import sign_page
    from controller.printing.sign import of_site

    app = build(settings.load())
    found = app.inventory.sites.get(site)
    if found is None:
        known = next(iter(app.inventory.sites), "")
        raise SelectorError(f"no site {site!r} in the inventory; a site's key is like {known}")
    day = (on or utc_now().astimezone(ZoneInfo(found.hours.zone))).date()
    made = of_site(found, app.inventory.devices.values(), printed_url(app.settings), day)
    try:
        write_private_octets(output, sign_page.drawn(made))
    except OSError as error:
        raise click.FileError(str(output), error.strerror or "") from error
    click.echo(f"{output}: the sign of {site} for {day}")
