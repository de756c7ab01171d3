"""What a site's own gateway program is handed: its configuration and its key."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateway import bundle, config
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.errors import ConfigError
from captive_portal.model import GatewayKind
from controller.app import App
from controller.errors import ControllerError
from controller.files import write_private
from controller.model import Site
from controller.secrets import site_key

SYNC_S = 10
CONFIG: Final = "gateway.toml"
KEY: Final = "site.key"
PROGRAM: Final = "plaza-gateway.pyz"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where packet rules stand; `portal_at` is the IP:PORT that a phone reaches before the tap."""

    lan: str
    wan: str
    portal_at: str
    management: tuple[str, ...] = ()


def build(app: App, site: Site, doors: Doors, target: Path) -> None:
    """Write the one file that installs a site's gateway, its key inside, mode 0600: all of it or nothing.

    Raises ControllerError where another kind of gateway stands there, and for what the program would refuse.
    """
    if site.portal.kind is not GatewayKind.PLAZA:
        raise ControllerError(
            f"site {site.key}: this site's gateway is {site.portal.kind}; see docs/portal-kinds.md"
        )
    place = target.absolute()
    try:
        with TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as aside:
            written = write(app, site, doors, Path(aside))
            config.load(written)
            texts = (one.read_text(encoding="utf-8") for one in (written, Path(aside) / KEY))
            bundle.build(Path(aside) / PROGRAM, SiteFiles(*texts))
            (Path(aside) / PROGRAM).replace(place)
    except ConfigError as error:
        raise ControllerError(f"site {site.key}: {str(error).partition(f'{CONFIG}: ')[2]}") from error
    except OSError as error:
        raise ControllerError(f"{target}: {error.strerror}; name a file in a folder of yours") from error


def write(app: App, site: Site, doors: Doors | None, directory: Path) -> Path:
    """Write a site's gateway.toml and site.key, mode 0600, into a directory; returns the first.

    Without doors the gateway records whom it would let through, and filters nothing.
    """
    if doors is not None:
        _require_reachable(app, site)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    values: dict[str, object] = {
        "site": site.key,
        "key_file": KEY,
        "listen": urlsplit(site.portal.gateway_url).netloc,
        "portal_url": app.settings.public_portal_url,
        "edge_url": app.settings.public_edge_url,
        "state_dir": "state",
        "sync_s": SYNC_S,
        **_enforcer(doors),
    }
    master = app.secrets.gateway(site.portal.gateway_credentials)
    write_private(directory / KEY, site_key(master, site.key).hex())
    written = directory / CONFIG
    # a JSON string, number or list of strings is also TOML
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
    write_private(written, "".join(lines))
    return written


def _require_reachable(app: App, site: Site) -> None:
    """A gateway that stands at a site reaches nobody on its own loopback. Raises ControllerError."""
    addresses = {
        f"gateway_url of site {site.key} in the inventory": site.portal.gateway_url,
        "portal_url (PLAZA_PORTAL_URL)": app.settings.public_portal_url,
        "edge_url (PLAZA_EDGE_URL)": app.settings.public_edge_url,
    }
    for setting, url in addresses.items():
        host = urlsplit(url).hostname or ""
        if host == "localhost" or host.startswith("127."):
            raise ControllerError(
                f"{setting}: {url} is this machine itself; set what the site and its phones reach"
            )


def _enforcer(doors: Doors | None) -> dict[str, object]:
    if doors is None:
        return {"enforcer": "ledger"}
    return {
        "enforcer": "nft",
        "lan": doors.lan,
        "wan": doors.wan,
        "garden": [doors.portal_at],
        "management": list(doors.management),
    }
