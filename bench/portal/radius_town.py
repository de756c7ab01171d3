"""A site of MikroTiks whose FreeRADIUS asks our role, and a FreeRADIUS that asks nobody."""

import json
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.poll.child import ClientFailed
from bench.poll.machine import FARM_CORE, PLACE, REPOSITORY, pinned
from bench.portal.serving import HOST, Served
from captive_portal.gateways.wiring import password
from captive_portal.model import PortalSite
from controller import radius
from controller import settings as settings_file
from controller.app import App, build, portal_sites

SHIPPED: Final = REPOSITORY / "deploy" / "freeradius"
ALONE: Final = Path(__file__).parent / "peers" / "freeradius_alone.conf"
SITE: Final = "08019-plaza"
PHONES: Final = 1_000
"""Of one round: each is authorised once and accounted three times."""

_START_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A FreeRADIUS that runs, and the role behind it, where there is one."""

    pid: int
    auth_port: int
    acct_port: int
    role: Served | None = None


@dataclass(frozen=True, slots=True)
class Town:
    """One site of MikroTiks, and its store."""

    directory: Path
    app: App
    environ: dict[str, str]
    secret: bytes

    @property
    def site(self) -> PortalSite:
        """What the portal knows of it."""
        return portal_sites(self.app)[SITE]


def mac(at: int) -> str:
    """Of a phone of this number."""
    return ":".join(f"{at + (2 << 40):012x}"[digit : digit + 2] for digit in range(0, 12, 2))


@contextmanager
def through_us(freeradius: str, town: Town, role: Served) -> Iterator[Asked]:
    """With the files that `plaza radius write` writes."""
    raddb = town.directory / "freeradius"
    ports = _udp_port(), _udp_port()
    radius.write(town.app, radius.Server(raddb, raddb, HOST, *ports))
    for name in ("radiusd.conf", "dictionary", "access_reject"):
        shutil.copy(SHIPPED / name, raddb)
    with _running(freeradius, raddb) as pid:
        yield Asked(pid, *ports, role)


@contextmanager
def alone(freeradius: str, town: Town) -> Iterator[Asked]:
    """With the same users, and the same attributes in its answers, in files of its own."""
    raddb = town.directory / "alone"
    raddb.mkdir()
    ports = _udp_port(), _udp_port()
    given = {"DIRECTORY": raddb, "SECRET": town.secret.decode(), "AUTH_PORT": ports[0], "ACCT_PORT": ports[1]}
    written = ALONE.read_text()
    for name, value in given.items():
        written = written.replace(f"@{name}@", str(value))
    (raddb / "radiusd.conf").write_text(written)
    key = town.site.wiring.key
    users = (f"{at:032x}" for at in range(PHONES))
    (raddb / "users").write_text("".join(_user(user, password(key, user)) for user in users))
    with _running(freeradius, raddb) as pid:
        yield Asked(pid, *ports)


def _user(name: str, secret: str) -> str:
    reply = f'Session-Timeout := 3600, Acct-Interim-Interval := 600, Class := "{name}"'
    return f'"{name}" Cleartext-Password := "{secret}"\n\t{reply}\n'


@contextmanager
def _running(freeradius: str, raddb: Path) -> Iterator[int]:
    """Its pid, as long as it runs. Raises ClientFailed."""
    log = raddb / "log"
    argv = [freeradius, "-f", "-l", "stdout", "-d", str(raddb), "-n", "radiusd"]
    with log.open("wb") as said:
        process = subprocess.Popen(pinned(FARM_CORE, argv), stdout=said, stderr=said)
    try:
        until_s = time.monotonic() + _START_S
        while "Ready to process requests" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > until_s:
                raise ClientFailed(f"FreeRADIUS did not come up: {' '.join(log.read_text().split()[-30:])}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def build_town(port: int) -> Town:
    """Write it anew, with an empty store."""
    directory = PLACE / "portal" / "radius"
    shutil.rmtree(directory, ignore_errors=True)
    vault = directory / "data" / "secrets"
    vault.mkdir(parents=True)
    for name in ("gateway-key", "site-radius"):
        (vault / name).touch(mode=0o600)
        (vault / name).write_text(secrets.token_hex(32))
    (directory / "inventory.yaml").write_text(json.dumps(_inventory()))
    environ = {
        "PLAZA_DATA_DIR": str(directory / "data"),
        "PLAZA_INVENTORY": str(directory / "inventory.yaml"),
        "PLAZA_RADIUS_LISTEN": f"{HOST}:{port}",
        "PLAZA_LOG_LEVEL": "WARNING",
    }
    app = build(settings_file.load(environ, directory))
    return Town(directory, app, environ, (vault / "site-radius").read_bytes())


def _inventory() -> dict[str, Any]:
    portal = {
        "languages": ["es"],
        "plan": "free",
        "duration": "1h",
        "octets": 0,
        "gateway_url": f"http://{HOST}:2060",
        "gateway_credentials": "gateways",
        "kind": "mikrotik",
        "hosts": ["login.example.mx"],
        "nas": ["ap-1"],
        "radius": {"client": HOST, "credentials": "site-radius"},
    }
    site = {"municipality": "08019", "name": "Plaza", "lat": 28.6, "lon": -106.1, "opened_on": "2026-01-01"}
    return {
        "version": 1,
        "credentials": {
            "gateways": {"kind": "gateway", "key": "ref+file:gateway-key"},
            "site-radius": {"kind": "portal", "secret": "ref+file:site-radius"},
        },
        "defaults": {
            "country": "MX",
            "platform": "generic",
            "hours": {"week": {"mon-sun": "00:00-24:00"}},
            "uplink": {"kind": "fibre", "provider": "none", "down_mbps": 100, "up_mbps": 100},
            "portal": portal,
        },
        "municipalities": {"08019": {"name": "Chihuahua", "seat": "Chihuahua", "zone": "America/Chihuahua"}},
        "sites": {SITE: site},
        "devices": {},
    }
