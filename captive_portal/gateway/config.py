"""The gateway's configuration: one TOML file, every mistake one clear line."""

import ipaddress
import json
import os
import re
import ssl
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateway import values
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.clock import BOOT_ID
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.policy import Signed
from captive_portal.gateway.rules import Territory
from captive_portal.gateway.values import Table

SITE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
INTERFACE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,15}")
KEYS: Final = re.compile(r"([0-9A-Fa-f]{64})(?:\s+([1-9]\d{0,5})\s+([0-9A-Fa-f]{64}))?")
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")

KNOWN: Final = frozenset(
    {"site", "key_file", "listen", "portal_url", "edge_url", "enforcer", "lan", "wan", "state_dir", "garden"}
    | {"management", "sync_s", "idle_s", "tls", "boot_id_file", "network", "uplink", "policy_file"}
)
KNOWN_NETWORK: Final = frozenset({"guests", "lease_s", "rpz", "run_dir"})
RUN_DIR: Final = "/run/plaza-gateway"
KNOWN_UPLINK: Final = frozenset({"down_kbps", "up_kbps"})
KNOWN_TLS: Final = frozenset({"listen", "certificate", "private_key", "name"})


@dataclass(frozen=True, slots=True)
class Tls:
    """RFC 8908 at `https://NAME:PORT/capport`."""

    listen: tuple[str, int]
    name: str
    context: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """The guests' network, to which this gateway gives addresses and names itself.

    `address` is our own in `guests`. `fixed` are names with their address, before the tap and after: the
    portal's, and our own. `api` is what DHCP tells as option 114, "" where there is none. `rpz` is a response
    policy zone of names that are not answered, None where there is none. `run_dir` is in memory: the leases
    in it name phones.
    """

    lan: str
    address: ipaddress.IPv4Address
    guests: ipaddress.IPv4Network
    lease_s: int
    fixed: tuple[tuple[str, str], ...]
    api: str
    rpz: Path | None
    run_dir: Path = Path(RUN_DIR)


@dataclass(frozen=True, slots=True)
class Uplink:
    """What the line carries, in kbit/s each way; it is shared fairly a little below that. 0 is not known."""

    down_kbps: int = 0
    up_kbps: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything read and checked. `territory` is None for the enforcer that only records.

    `network` is None where somebody else gives addresses and names. The controller is called every `sync_s`
    while somebody is in, else every `idle_s`. `policy` is the first one, where there is one.
    """

    site: SiteKey
    listen: tuple[str, int]
    portal_url: str
    edge_url: str
    territory: Territory | None
    state_dir: Path
    sync_s: float
    idle_s: float
    tls: Tls | None
    boot_id_file: Path
    network: Network | None
    uplink: Uplink
    policy: Signed | None


def load(path: Path) -> Config:
    """Read a configuration; paths in it are relative to it. Raises ConfigError with one line per mistake."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        return _config(table, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _config(table: Table, base: Path) -> Config:
    values.only(table, KNOWN, "")
    site = values.matching(table, "site", SITE, "a site key like 08019-plaza")
    listen = values.address(values.text(table, "listen"), "listen")
    tls = _tls(table["tls"], base) if "tls" in table else None
    territory = _territory(table, listen, tls)
    return Config(
        site=_site(site, base / values.text(table, "key_file")),
        listen=listen,
        portal_url=values.url(table, "portal_url"),
        edge_url=values.url(table, "edge_url"),
        territory=territory,
        state_dir=_directory(base / values.text(table, "state_dir")),
        sync_s=values.seconds(table, "sync_s", 60),
        idle_s=values.seconds(table, "idle_s", 1800),
        tls=tls,
        boot_id_file=_boot_id(base / values.text(table, "boot_id_file", str(BOOT_ID))),
        network=_own_network(table, base, listen, territory, tls),
        uplink=_uplink(table),
        policy=_policy(base / values.text(table, "policy_file")) if "policy_file" in table else None,
    )


def _own_network(
    table: Table, base: Path, listen: tuple[str, int], territory: Territory | None, tls: Tls | None
) -> Network | None:
    if "network" not in table:
        return None
    if territory is None:
        raise ConfigError('network: only the enforcer "nft" gives addresses')
    found = values.inner(table, "network", KNOWN_NETWORK)
    guests, address = _guests(found), ipaddress.IPv4Address(listen[0])
    if address not in guests:
        raise ConfigError(f"network.guests: {guests} does not hold {address}, where we listen")
    for one in territory.management:
        if ipaddress.ip_network(one).version == 4 and guests.overlaps(ipaddress.IPv4Network(one)):
            raise ConfigError(f"network.guests: {guests} holds the management network {one}; take another")
    portal = urlsplit(values.url(table, "portal_url")).hostname or ""
    fixed = [(portal, ip) for ip, _ in territory.garden[:1] if not values.is_address(portal)]
    api = f"https://{tls.name}:{tls.listen[1]}/capport" if tls else ""
    return Network(
        lan=territory.lan,
        address=address,
        guests=guests,
        lease_s=int(values.seconds(found, "lease_s", 3600, "network.", 120, 86_400)),
        fixed=(*fixed, *([(tls.name, str(address))] if tls else [])),
        api=api,
        rpz=base / values.text(found, "rpz", of="network.") if "rpz" in found else None,
        run_dir=base / values.text(found, "run_dir", RUN_DIR, of="network."),
    )


def _guests(found: Table) -> ipaddress.IPv4Network:
    text = values.text(found, "guests", of="network.")
    try:
        guests = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ConfigError(f"network.guests: {error}, write a network like 10.8.16.0/20") from error
    if not 16 <= guests.prefixlen <= 28:
        raise ConfigError(f"network.guests: {text} is no network of /16 to /28")
    return guests


def _uplink(table: Table) -> Uplink:
    if "uplink" not in table:
        return Uplink()
    found = values.inner(table, "uplink", KNOWN_UPLINK)
    return Uplink(*(values.kbps(found, name, "uplink.") for name in ("down_kbps", "up_kbps")))


def _policy(path: Path) -> Signed:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Signed(str(found["text"]), str(found["signature"]))
    except OSError as error:
        raise ConfigError(f"policy_file: {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"policy_file: {path} holds no policy; build the gateway again") from error


def _territory(table: Table, listen: tuple[str, int], tls: Tls | None) -> Territory | None:
    enforcer = values.text(table, "enforcer")
    if enforcer not in {"nft", "ledger"}:
        raise ConfigError('enforcer: write "nft" or "ledger"')
    garden = tuple(values.address(one, f"garden[{n}]") for n, one in enumerate(values.texts(table, "garden")))
    management = tuple(
        values.network(one, f"management[{n}]") for n, one in enumerate(values.texts(table, "management"))
    )
    for ip, port in garden:
        if any(ipaddress.ip_address(ip) in ipaddress.ip_network(network) for network in management):
            raise ConfigError(f"garden: {ip}:{port} is a management address, which guests never reach")
    if enforcer == "ledger":
        return None
    ports = (listen[1],) + ((tls.listen[1],) if tls else ())
    if any(ipaddress.ip_address(one[0]).is_unspecified for one in (listen, *([tls.listen] if tls else []))):
        raise ConfigError("listen: write the gateway's own address on the guests' side, not 0.0.0.0")
    lan, wan = (
        values.matching(table, name, INTERFACE, "the name of an interface") for name in ("lan", "wan")
    )
    if lan == wan:
        raise ConfigError(f"wan: {wan} is the guests' interface: write the one towards the Internet")
    return Territory(lan, wan, listen, ports, garden, management, own_names="network" in table)


def _tls(table: object, base: Path) -> Tls:
    if not isinstance(table, dict):
        raise ConfigError("tls: write a table, [tls]")
    values.only(table, KNOWN_TLS, "tls.")
    listen = values.address(values.text(table, "listen", of="tls."), "tls.listen")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, private_key = (
        base / values.text(table, name, of="tls.") for name in ("certificate", "private_key")
    )
    values.private(private_key, "tls.private_key")
    try:
        context.load_cert_chain(certificate, private_key)
    except OSError as error:  # also what ssl raises
        raise ConfigError(f"tls.certificate: {certificate}: {error.strerror or error}") from error
    return Tls(
        listen, values.matching(table, "name", HOST, "the name in the certificate", of="tls."), context
    )


def _site(site: str, path: Path) -> SiteKey:
    """The keys in a file: 64 hex digits; where the site has later epochs also that number and its key."""
    values.private(path, "key_file")
    text = path.read_text(encoding="utf-8", errors="replace")
    found = KEYS.fullmatch(text.strip())
    if not found:
        raise ConfigError(f"key_file: {path} does not hold 64 hex digits")
    names, epoch, key = found.groups()
    if epoch is None:
        return SiteKey(site, bytes.fromhex(names))
    return SiteKey(site, bytes.fromhex(key), bytes.fromhex(names), int(epoch))


def _directory(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state_dir: {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"state_dir: {path} cannot be written")
    return path


def _boot_id(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"boot_id_file: {path} is not there")
    return path
