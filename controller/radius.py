"""RADIUS of the sites, from the inventory: whom the role answers, and what FreeRADIUS is told of them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from pathlib import Path
from typing import Final

from captive_portal.model import Plan
from captive_portal.radius.model import RadiusSite
from controller import keys
from controller.app import App
from controller.errors import ControllerError
from controller.model import Site
from controller.portal_sites import weak
from controller.secrets import site_key
from controller.settings import Settings

TOKEN_FILE: Final = "radius-token"  # noqa: S105  the name of a file
MODE: Final = 0o640
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~+/=@:-]+")
"""What stands between quotes in FreeRADIUS's files without meaning anything there."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where FreeRADIUS lives: its configuration, its run directory, the tunnel's address, its two ports."""

    directory: Path
    run: Path
    listen: str
    auth_port: int = 1812
    acct_port: int = 1813


def token(settings: Settings) -> str:
    """What FreeRADIUS shows the role, 64 hex digits; made at the first use. Raises StoreError."""
    return keys.load(settings.secrets_dir, TOKEN_FILE, "token of FreeRADIUS").hex()


def radius_sites(app: App) -> dict[str, RadiusSite]:
    """Every site from which RADIUS comes, by key. Raises SecretError."""
    return {site.key: _radius_site(app, site) for site in _asking(app)}


def problems(app: App) -> list[str]:
    """What would keep a site's access points from being answered; the secrets raise SecretError."""
    sites = _asking(app)
    found = [each for site in sites for each in _wrong(app, site)]
    for one, other in combinations(sites, 2):
        if _overlap(one, other):
            where = f"sites {one.key} and {other.key}: portal.radius_client"
            found.append(f"{where}: both have one address, give each the address of its own tunnel")
    return found


def write(app: App, server: Server) -> None:
    """Write clients.conf and plaza.conf. Raises ControllerError for what `problems` finds."""
    wrong = problems(app)
    if wrong:
        raise ControllerError("\n".join(wrong))
    if not app.settings.radius_listen:
        raise ControllerError("radius_listen is off; set it in plaza.toml, such as 127.0.0.1:8083")
    server.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    _write(server.directory / "clients.conf", "".join(_client(app, site) for site in _asking(app)))
    _write(server.directory / "plaza.conf", _plaza(app.settings, server))


def _asking(app: App) -> list[Site]:
    return [site for site in app.inventory.sites.values() if site.portal.radius_client]


def _radius_site(app: App, site: Site) -> RadiusSite:
    portal = site.portal
    return RadiusSite(
        site=site.key,
        key=site_key(app.secrets.gateway(portal.gateway_credentials), site.key),
        kind=portal.kind,
        plan=Plan(
            portal.plan,
            portal.duration,
            portal.octets,
            portal.down_kbps,
            portal.up_kbps,
            portal.daily,
        ),
        nas=frozenset(portal.nas),
    )


def _wrong(app: App, site: Site) -> Iterator[str]:
    if not site.portal.nas:
        yield f"site {site.key}: portal.nas: is empty, name the NAS-Identifiers of its access points"
    if not site.portal.radius_credentials:
        yield f"site {site.key}: portal.radius_credentials: is empty, name a credential of kind portal"
    elif not _PLAIN.fullmatch(_secret(app, site)):
        what = "the secret has characters that FreeRADIUS would read otherwise, use letters and digits"
        yield f"site {site.key}: portal.radius_credentials: {what}"
    elif weak(_secret(app, site)):
        what = "everybody knows the secret, or nearly, make another with: openssl rand -hex 24"
        yield f"site {site.key}: portal.radius_credentials: {what}"
    if _network(site) is None:
        yield f"site {site.key}: portal.radius_client: is no address or network, write it like 10.8.27.2"


def _secret(app: App, site: Site) -> str:
    return app.secrets.portal(site.portal.radius_credentials).reveal()


def _network(site: Site) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(site.portal.radius_client)
    except ValueError:
        return None


def _overlap(one: Site, other: Site) -> bool:
    here, there = _network(one), _network(other)
    if isinstance(here, IPv4Network) and isinstance(there, IPv4Network):
        return here.overlaps(there)
    return isinstance(here, IPv6Network) and isinstance(there, IPv6Network) and here.overlaps(there)


def _client(app: App, site: Site) -> str:
    network = _network(site)
    family = "ipv6addr" if isinstance(network, IPv6Network) else "ipaddr"
    return (
        f"client {site.key} {{\n"
        f"  {family} = {network}\n"
        f'  secret = "{_secret(app, site)}"\n'
        f"  shortname = {site.key}\n"
        "  require_message_authenticator = yes\n"
        "  nas_type = other\n"
        "}\n"
    )


def _plaza(settings: Settings, server: Server) -> str:
    return (
        "plaza {\n"
        f"  directory = {server.directory.absolute()}\n"
        f"  run = {server.run.absolute()}\n"
        f"  listen = {server.listen}\n"
        f"  auth_port = {server.auth_port}\n"
        f"  acct_port = {server.acct_port}\n"
        f'  rest = "http://{settings.radius_listen}"\n'
        f'  token = "{token(settings)}"\n'
        "}\n"
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all; the group of a setgid directory may read it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
