"""`plaza radius`: what FreeRADIUS needs to ask Plaza."""

from pathlib import Path

import click

RUN = Path("/run/plaza-freeradius")


@click.group()
def radius() -> None:
    """Write and check what FreeRADIUS needs."""


@radius.command()
def check() -> None:
    """Say what would keep the sites' access points from being answered."""
    from controller import radius as of_sites
    from controller import settings
    from controller.app import build
    from controller.errors import ControllerError

    app = build(settings.load())
    wrong = of_sites.problems(app)
    if wrong:
        raise ControllerError("\n".join(wrong))
    click.echo(f"{len(of_sites.radius_sites(app))} sites with RADIUS: no errors")


@radius.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--listen", required=True, metavar="IP", help="The tunnel's address, where RADIUS comes in.")
@click.option("--run", default=RUN, show_default=True, type=click.Path(path_type=Path), help="For its pid.")
@click.option("--auth-port", default=1812, show_default=True, type=click.IntRange(1, 65535))
@click.option("--acct-port", default=1813, show_default=True, type=click.IntRange(1, 65535))
def write(directory: Path, listen: str, run: Path, auth_port: int, acct_port: int) -> None:
    """Write clients.conf and plaza.conf, with their secrets, into DIRECTORY; then restart FreeRADIUS."""
    from controller import radius as of_sites
    from controller import settings
    from controller.app import build

    server = of_sites.Server(directory, run, listen, auth_port, acct_port)
    of_sites.write(build(settings.load()), server)
    click.echo(f"{directory} has clients.conf and plaza.conf; restart FreeRADIUS")
