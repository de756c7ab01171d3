"""A town of one site for each look of the first page, as Plaza's own files below the bench's place."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench.poll.machine import PLACE
from captive_portal.gateway.monthly import MonthKey
from captive_portal.gateway.ticket import pseudonym, seal
from captive_portal.model import GatewayKind, PortalSite
from captive_portal.monthly_terms import month_of
from controller import gateways
from controller import settings as settings_file
from controller.app import build as build_app
from controller.app import portal_sites

PLAIN: Final = "08019-plaza"
NAME: Final = "Plaza de Armas"
_THEME: Final = {"sky": "#5a0f2e", "on_sky": "#ffffff", "tap": "#5a0f2e", "on_tap": "#ffffff"}
_SERVICES: Final = [{"name": "Pagar el agua", "url": "https://www.example.mx/agua"}]

LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    PLAIN: {},
    "08019-datos": {"portal": {"octets": 500_000_000}},
    "08019-colores": {
        "pages": {"theme": {**_THEME, "slogan": "Aquí estamos para servirte"}, "services": _SERVICES}
    },
    "08019-vales": {"portal": {"vouchers": True}},
    "08019-cisco": {
        "portal": {
            "kind": "cisco_wlc",
            "hosts": ["wifi.example.mx"],
            "credentials": "shared",
            "controller": {"url": "radius://10.8.27.2:3799"},
            "nas": ["wlc-1"],
        }
    },
}
"""Sites by key, and what makes each page unlike that of PLAIN: its largest are among them."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "country": "MX",
    "platform": "generic",
    "hours": {"week": {"mon-sun": "00:00-24:00"}},
    "uplink": {"kind": "fibre", "provider": "none", "down_mbps": 100, "up_mbps": 100},
}


@dataclass(frozen=True, slots=True)
class Square:
    """Where its files are, and what our portal knows of its sites."""

    directory: Path
    portal_url: str
    sites: Mapping[str, PortalSite]

    @property
    def environ(self) -> dict[str, str]:
        """What makes `plaza` work on it."""
        return _environ(self.directory, self.portal_url)

    def gateway(self, site: str) -> Path:
        """The configuration of a site's gateway program, which records and filters nothing."""
        app = build_app(settings_file.load(self.environ, self.directory))
        try:
            return gateways.write(app, app.inventory.sites[site], None, self.directory / "gateway")
        finally:
            app.samples.close()
            app.engine.dispose()

    @property
    def store(self) -> str:
        """The URL of its relational store."""
        return settings_file.load(self.environ, self.directory).database_url


def build(name: str, languages: list[str], gateway_url: str, portal_url: str) -> Square:
    """Write it anew, with an empty store at the version of this program."""
    directory = PLACE / "portal" / name
    shutil.rmtree(directory, ignore_errors=True)
    vault = directory / "data" / "secrets"
    vault.mkdir(parents=True)
    for secret in ("gateway-key", "shared"):
        (vault / secret).touch(mode=0o600)
        (vault / secret).write_text(secrets.token_hex(32))
    portal = {
        "languages": languages,
        "plan": "free",
        "duration": "1h",
        "gateway_url": gateway_url,
        "gateway_credentials": "gateways",
    }
    inventory = directory / "inventory.yaml"
    inventory.write_text(json.dumps(_inventory(portal)))  # JSON is YAML
    app = build_app(settings_file.load(_environ(directory, portal_url), directory))
    square = Square(directory, portal_url, portal_sites(app))
    app.samples.close()
    app.engine.dispose()
    return square


def arrival(site: PortalSite, number: int) -> str:
    """The query with which the gateway of a site sends a phone of this number, another nonce each time."""
    mac = ":".join(f"{number + (2 << 40):012x}"[at : at + 2] for at in range(0, 12, 2))
    if site.wiring.kind is GatewayKind.CISCO_WLC:
        return urlencode(
            {
                "switch_url": "https://wifi.example.mx/login.html",
                "ap_mac": "02:00:5e:10:00:01",
                "client_mac": mac,
                "wlan": "Chihuahua Gratis",
                "redirect": "connectivitycheck.gstatic.com/generate_204",
            }
        )
    key = site.wiring.key
    fields: dict[str, str | int] = {
        "site": site.key,
        "device": pseudonym(key, "device", mac),
        "binding": pseudonym(key, "binding", mac, "10.77.0.23"),
        "stamp": "5f0c2a7b:81204.4",
        "nonce": f"{number:022d}",
        "month": MonthKey(month_of(site.zone, datetime.now(UTC)).name, key, 0).mark(mac).written(),
    }
    return urlencode({"a": seal(key, "arrival", fields)})


def _environ(directory: Path, portal_url: str) -> dict[str, str]:
    return {
        "PLAZA_PORTAL_URL": portal_url,
        "PLAZA_DATA_DIR": str(directory / "data"),
        "PLAZA_INVENTORY": str(directory / "inventory.yaml"),
        "PLAZA_LOG_LEVEL": "WARNING",
    }


def _inventory(portal: Mapping[str, Any]) -> dict[str, Any]:
    place = {"lat": 28.6, "lon": -106.1, "opened_on": "2026-01-01"}
    sites = {
        key: {"municipality": "08019", "name": NAME if key == PLAIN else f"Plaza {key[6:]}", **place, **look}
        for key, look in LOOKS.items()
    }
    return {
        "version": 1,
        "credentials": {
            "gateways": {"kind": "gateway", "key": "ref+file:gateway-key"},
            "shared": {"kind": "portal", "secret": "ref+file:shared"},
        },
        "defaults": {**_DEFAULTS, "portal": dict(portal)},
        "municipalities": {"08019": {"name": "Chihuahua", "seat": "Chihuahua", "zone": "America/Chihuahua"}},
        "sites": sites,
        "devices": {},
    }
