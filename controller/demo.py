"""What the demonstration adds to a normal run: secrets, simulated devices, gateways that only record."""

import json
import secrets as random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller import audit, gateways
from controller.access import Pinning, pinned
from controller.app import App, utc_now
from controller.errors import AdoptionError, PortTaken
from controller.files import write_private
from controller.model import Inventory, Site
from controller.processes import Child, is_free, python
from controller.settings import Listener, Settings, endpoint, listeners
from drivers.errors import DriverError
from drivers.host_key import HostKey
from drivers.model import Device, Endpoint, Lifecycle, Role, SnmpV1, SnmpV2c
from drivers.ssh import fetch_host_key

SEED = 8
ARRIVALS_PER_MINUTE = 6
MEAN_STAY_S = 240
FREE_PORT_TRIES = 200
_IN_FILES = frozenset({"ref+file", "ref+derived"})


def choose_free_ports(settings: Settings) -> dict[str, str]:
    """PLAZA_* variables that move each listener which is taken to the next free port of its host."""
    chosen: dict[str, str] = {}
    used: set[Endpoint] = set()
    for one in listeners(settings):
        free = _next_free(one, used)
        used.add(free)
        if free != one.endpoint:
            chosen[one.variable] = str(free)
    return chosen


def _next_free(one: Listener, used: set[Endpoint]) -> Endpoint:
    wanted = one.endpoint
    for port in range(wanted.port, min(wanted.port + FREE_PORT_TRIES, 65536)):
        place = Endpoint(wanted.host, port)
        if place not in used and is_free(place, one.kind):
            return place
    raise PortTaken(f"no free port from {wanted} on; stop what listens there")


def make_secrets(inventory: Inventory, directory: Path) -> list[Path]:
    """Make up every secret and master in a file that is not there yet; what is there stays.

    Returns the new files.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for credential in inventory.credentials.values():
        for name, reference in credential.items():
            kind, _, target = reference.partition(":")
            path = directory / (target.rpartition("#")[0] if kind == "ref+derived" else target)
            if kind in _IN_FILES and not path.exists():
                write_private(path, _ssh_key() if name == "private_key" else random.token_urlsafe(24))
                made.append(path)
    return made


def _ssh_key() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


def recording_sites(inventory: Inventory) -> list[Site]:
    """The sites whose gateway stands on the loopback: those the demonstration runs itself."""
    return [s for s in inventory.sites.values() if urlsplit(s.portal.gateway_url).hostname == "127.0.0.1"]


def children(app: App) -> list[Child]:
    """The simulator and the gateways; writes what they read below the data directory."""
    directory = app.settings.data_dir / "demo"
    directory.mkdir(parents=True, exist_ok=True)
    spec = directory / "simulator.json"
    write_private(spec, json.dumps(simulator_spec(app), ensure_ascii=False, indent=1))
    programs = [
        Child(f"gateway-{site.key}", python("-m", "captive_portal.gateway", str(config)))
        for site in recording_sites(app.inventory)
        for config in [gateways.write(app, site, None, directory / "gateways" / site.key)]
    ]
    return [Child("simulator", python("-m", "simulator", str(spec))), *programs]


def simulator_spec(app: App) -> dict[str, object]:
    """What to simulate: a device per access point that is there, citizens at the recording gateways."""
    there = [device for device in app.inventory.devices.values() if device.state is not Lifecycle.RETIRED]
    aps = [device for device in there if device.role is Role.AP]
    return {
        "seed": SEED,
        "state_dir": str(app.settings.data_dir / "demo" / "devices"),
        "control": str(app.settings.control_socket),
        "aps": [_virtual(app, device) for device in aps],
        **_traps(app.settings),
        "citizens": [
            {
                "site": site.key,
                "gateway_url": site.portal.gateway_url,
                "arrivals_per_minute": ARRIVALS_PER_MINUTE,
                "mean_stay_s": MEAN_STAY_S,
                "source": f"127.9.{number}.0/24",
            }
            for number, site in enumerate(recording_sites(app.inventory), start=1)
        ],
    }


def _traps(settings: Settings) -> Mapping[str, object]:
    """Where the simulated devices, which speak IPv4 only, tell what happens to them."""
    place = endpoint(settings.trap_listen) if settings.trap_listen else None
    if place is None or ":" in place.host:
        return {}
    host = "127.0.0.1" if place.host == "0.0.0.0" else place.host  # noqa: S104  nothing listens by this
    return {"traps": {"host": host, "port": place.port}}


def adopt_new(app: App) -> list[DriverError | AdoptionError]:
    """Pin the SSH host keys of simulated devices that have none pinned yet; returns what went wrong.

    One that is only expected is left to `plaza adopt`.
    """
    pinning = Pinning(app.engine, audit.load_key(app.settings.data_dir), "demo")
    new = [device for device in in_service(app.inventory) if pinned(app.engine, device.name) is None]
    failed: list[DriverError | AdoptionError] = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        for device, key in zip(new, pool.map(_shown_key, new), strict=True):
            if isinstance(key, DriverError):
                failed.append(key)
                continue
            try:
                pinning.pin(device.name, key, utc_now())
            except AdoptionError as error:
                failed.append(error)
    return failed


def in_service(inventory: Inventory) -> list[Device]:
    """The devices that are polled."""
    return [device for device in inventory.devices.values() if device.state is Lifecycle.ACTIVE]


def _shown_key(device: Device) -> HostKey | DriverError:
    try:
        return fetch_host_key(device, timeout_s=10.0)
    except DriverError as error:
        return error


def _virtual(app: App, device: Device) -> dict[str, object]:
    login = app.secrets.of(device).ssh(device.ssh_credentials)
    return {
        "name": device.name,
        "platform": device.platform,
        "bands": [str(radio.band) for radio in device.radios],
        "ssids": [ssid.name for ssid in device.ssids],
        "snmp": {"host": device.snmp.host, "port": device.snmp.port, **_snmp(app, device)},
        "ssh": {
            "host": device.ssh.host,
            "port": device.ssh.port,
            "user": login.user,
            "authorized_key": _public(login.private_key.reveal() if login.private_key else ""),
        },
    }


def _snmp(app: App, device: Device) -> Mapping[str, str]:
    credentials = app.secrets.of(device).snmp(device.snmp_credentials)
    if isinstance(credentials, SnmpV1 | SnmpV2c):
        version = "1" if isinstance(credentials, SnmpV1) else "2c"
        return {"version": version, "community": credentials.community.reveal()}
    said = {"version": "3", "user": credentials.user}
    if credentials.auth_key:
        said |= {"auth_protocol": credentials.auth_protocol, "auth_key": credentials.auth_key.reveal()}
    if credentials.priv_key:
        said |= {"priv_protocol": credentials.priv_protocol, "priv_key": credentials.priv_key.reveal()}
    return said | ({"context": credentials.context} if credentials.context else {})


def _public(private_key: str) -> str:
    key = serialization.load_ssh_private_key(private_key.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
