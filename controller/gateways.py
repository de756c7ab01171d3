"""What a site's own gateway program is handed: its configuration and its key."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from controller.app import App
from controller.files import write_private
from controller.model import Site
from controller.secrets import site_key

SYNC_S = 10


def write_recording(app: App, site: Site, directory: Path) -> Path:
    """Write the configuration of a gateway that records and filters nothing; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    key_file = directory / "site.key"
    master = app.secrets.gateway(site.portal.gateway_credentials)
    write_private(key_file, site_key(master, site.key).hex())
    config = directory / "gateway.toml"
    write_private(config, _toml(app, site, directory, key_file))
    return config


def _toml(app: App, site: Site, directory: Path, key_file: Path) -> str:
    values: dict[str, object] = {
        "site": site.key,
        "key_file": str(key_file),
        "listen": urlsplit(site.portal.gateway_url).netloc,
        "portal_url": app.settings.public_portal_url,
        "edge_url": app.settings.public_edge_url,
        "enforcer": "ledger",
        "state_dir": str(directory / "state"),
        "sync_s": SYNC_S,
    }
    # a JSON string, number or list of strings is also TOML
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
