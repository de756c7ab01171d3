"""The portal's address as it is printed."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from controller.settings import Settings


def printed_url(settings: "Settings") -> str:
    """The address; says so where no phone could reach it."""
    url = settings.public_portal_url
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        said = f"portal_url (PLAZA_PORTAL_URL): {url} is this machine, which no phone reaches"
        click.echo(said, err=True)
    return url
