"""What a site's own gateway program is handed: its configuration, its key and its first policy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateway import bundle, config
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.errors import ConfigError
from captive_portal.model import GatewayKind, Keys
from controller.app import App
from controller.errors import ControllerError
from controller.files import write_private
from controller.gateway_policy import first_policy
from controller.model import Site
from controller.secrets import site_keys

NEAR_S: Final = 10
"""How often a gateway beside us calls: no line has to be spared."""

CONFIG: Final = "gateway.toml"
KEY: Final = "site.key"
POLICY: Final = "policy.json"
PROGRAM: Final = "plaza-gateway.pyz"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where packet rules stand; `portal_at` is the IP:PORT that a phone reaches before the tap.

    `guests` is their network, to which the gateway gives addresses and names; "" is the inventory's.
    """

    lan: str
    wan: str
    portal_at: str
    management: tuple[str, ...] = ()
    guests: str = ""


def build(app: App, site: Site, doors: Doors, target: Path) -> None:
    """Write the one file that installs a site's gateway, mode 0600: all of it or nothing.

    Its key and its first policy are inside. Raises ControllerError where another kind of gateway stands, and
    for what the program would refuse.
    """
    if site.portal.kind is not GatewayKind.PLAZA:
        raise ControllerError(
            f"site {site.key}: this site's gateway is {site.portal.kind}; see docs/portal-kinds.md"
        )
    place = target.absolute()
    try:
        with TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as aside:
            config.load(write(app, site, doors, Path(aside)))
            names = (CONFIG, KEY, POLICY)
            texts = ((Path(aside) / name).read_text(encoding="utf-8") for name in names)
            bundle.build(Path(aside) / PROGRAM, SiteFiles(*texts))
            (Path(aside) / PROGRAM).replace(place)
    except ConfigError as error:
        raise ControllerError(f"site {site.key}: {str(error).partition(f'{CONFIG}: ')[2]}") from error
    except OSError as error:
        raise ControllerError(f"{target}: {error.strerror}; name a file in a folder of yours") from error


def write(app: App, site: Site, doors: Doors | None, directory: Path) -> Path:
    """Write a site's gateway.toml, site.key and policy.json, mode 0600, into a directory; returns the first.

    Without doors the gateway records whom it would let through, filters nothing, and has no policy yet.
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
        **_enforcer(doors),
    }
    master = app.secrets.gateway(site.portal.gateway_credentials)
    write_private(directory / KEY, key_text(site_keys(master, site.key, site.gateway.key_epoch)))
    if doors is not None:
        write_private(directory / POLICY, json.dumps(first_policy(app, site).told()))
    written = directory / CONFIG
    tables = [f"\n[{name}]\n{_toml(table)}" for name, table in _tables(site, doors).items() if table]
    write_private(written, "".join([_toml(values), *tables]))
    return written


def _toml(values: Mapping[str, object]) -> str:
    # a JSON string, number or list of strings is also TOML
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _tables(site: Site, doors: Doors | None) -> dict[str, dict[str, object]]:
    """What the gateway does beyond doors, by the tables of its configuration; one may be empty."""
    if doors is None:
        return {}
    guests = doors.guests or site.gateway.guests
    line = {"down_kbps": site.gateway.line_down_kbps, "up_kbps": site.gateway.line_up_kbps}
    return {
        "network": {"guests": guests} if guests else {},
        "uplink": {name: kbps for name, kbps in line.items() if kbps},
    }


def key_text(keys: Keys) -> str:
    """What site.key holds: the key of names and, from the first change on, the epoch and its key."""
    names = keys.names.hex()
    return f"{names} {keys.epoch} {keys.signing[0].hex()}" if keys.epoch else names


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
        return {"enforcer": "ledger", "sync_s": NEAR_S, "idle_s": NEAR_S}
    return {
        "enforcer": "nft",
        "lan": doors.lan,
        "wan": doors.wan,
        "policy_file": POLICY,
        "garden": [doors.portal_at],
        "management": list(doors.management),
    }
