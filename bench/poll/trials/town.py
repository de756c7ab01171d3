"""A network of ten thousand access points that are agents of the farm, as Plaza's own files."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.poll.machine import PLACE
from bench.poll.work import AGENTS, COMMUNITY, address

PLATFORM: Final = "generic"
INTERVAL_S: Final = 60
_PER_SITE: Final = 100
_SITES: Final[Mapping[str, Any]] = {
    "hours": {"week": {"mon-sun": "00:00-24:00"}},
    "uplink": {"kind": "fibre", "provider": "none", "down_mbps": 100, "up_mbps": 100},
    "portal": {
        "languages": ["es"],
        "plan": "free",
        "duration": "1h",
        "gateway_url": "http://127.0.0.1:8090",
        "gateway_credentials": "gateways",
    },
}
"""What an inventory must say of its sites and a poller never reads."""


@dataclass(frozen=True, slots=True)
class Town:
    """Where its files are."""

    directory: Path

    @property
    def database(self) -> Path:
        """The poller's store."""
        return self.directory / "data" / "plaza.db"

    @property
    def environ(self) -> dict[str, str]:
        """What makes `plaza` work on it."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLAZA_")}
        return kept | {
            "PLAZA_DATA_DIR": str(self.directory / "data"),
            "PLAZA_INVENTORY": str(self.directory / "inventory.yaml"),
            "PLAZA_POLL_INTERVAL_S": str(INTERVAL_S),
        }


def build(port: int) -> Town:
    """Write it anew below the bench's place."""
    town = Town(PLACE / "town")
    shutil.rmtree(town.directory, ignore_errors=True)
    secrets = town.directory / "data" / "secrets"
    secrets.mkdir(parents=True)
    secret = secrets / "community"
    secret.touch(mode=0o600)
    secret.write_text(COMMUNITY)
    inventory = town.directory / "inventory.yaml"
    inventory.write_text(json.dumps(_inventory(port), indent=0))  # JSON is YAML
    return town


def _inventory(port: int) -> dict[str, Any]:
    sites = {f"site-{number:03}": _site(number) for number in range(-(-AGENTS // _PER_SITE))}
    devices = {
        f"ap-{number:05}": {"site": f"site-{number // _PER_SITE:03}", "address": address(number)}
        for number in range(AGENTS)
    }
    snmp = {"port": port, "credentials": "snmp"}
    return {
        "version": 1,
        "credentials": {
            "snmp": {"kind": "snmp-v2c", "community": "ref+file:community"},
            "gateways": {"kind": "gateway", "key": "ref+file:gateway-key"},
        },
        "defaults": {"country": "MX", "platform": PLATFORM, "snmp": snmp, **_SITES},
        "municipalities": {"08019": {"name": "Chihuahua", "seat": "Chihuahua", "zone": "America/Chihuahua"}},
        "sites": sites,
        "devices": devices,
    }


def _site(number: int) -> dict[str, Any]:
    return {
        "municipality": "08019",
        "name": f"Plaza {number}",
        "lat": 28.6,
        "lon": -106.1,
        "opened_on": "2026-01-01",
    }
