"""The gateway's configuration: one TOML file, every mistake one clear line."""

import ipaddress
import os
import re
import ssl
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.clock import BOOT_ID
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.rules import Territory

SITE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
INTERFACE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,15}")
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")

KNOWN: Final = frozenset(
    {"site", "key_file", "listen", "portal_url", "edge_url", "enforcer", "lan", "wan", "state_dir", "garden"}
    | {"management", "sync_s", "tls", "boot_id_file"}
)
KNOWN_TLS: Final = frozenset({"listen", "certificate", "private_key", "name"})

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tls:
    """RFC 8908 at `https://NAME:PORT/capport`."""

    listen: tuple[str, int]
    name: str
    context: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything read and checked. `territory` is None for the enforcer that only records."""

    site: SiteKey
    listen: tuple[str, int]
    portal_url: str
    edge_url: str
    territory: Territory | None
    state_dir: Path
    sync_s: float
    tls: Tls | None
    boot_id_file: Path


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
    _only(table, KNOWN, "")
    site = _matching(table, "site", SITE, "a site key like 08019-plaza")
    listen = _address(_text(table, "listen"), "listen")
    tls = _tls(table["tls"], base) if "tls" in table else None
    return Config(
        site=SiteKey(site, _key(base / _text(table, "key_file"))),
        listen=listen,
        portal_url=_url(table, "portal_url"),
        edge_url=_url(table, "edge_url"),
        territory=_territory(table, listen, tls),
        state_dir=_directory(base / _text(table, "state_dir")),
        sync_s=_interval(table),
        tls=tls,
        boot_id_file=_boot_id(base / _text(table, "boot_id_file", str(BOOT_ID))),
    )


def _territory(table: Table, listen: tuple[str, int], tls: Tls | None) -> Territory | None:
    enforcer = _text(table, "enforcer")
    if enforcer not in {"nft", "ledger"}:
        raise ConfigError('enforcer: write "nft" or "ledger"')
    garden = tuple(_address(one, f"garden[{n}]") for n, one in enumerate(_texts(table, "garden")))
    management = tuple(_network(one, f"management[{n}]") for n, one in enumerate(_texts(table, "management")))
    for ip, port in garden:
        if any(ipaddress.ip_address(ip) in ipaddress.ip_network(network) for network in management):
            raise ConfigError(f"garden: {ip}:{port} is a management address, which guests never reach")
    if enforcer == "ledger":
        return None
    ports = (listen[1],) + ((tls.listen[1],) if tls else ())
    if any(ipaddress.ip_address(one[0]).is_unspecified for one in (listen, *([tls.listen] if tls else []))):
        raise ConfigError("listen: write the gateway's own address on the guests' side, not 0.0.0.0")
    lan, wan = (_matching(table, name, INTERFACE, "the name of an interface") for name in ("lan", "wan"))
    return Territory(lan, wan, listen, ports, garden, management)


def _tls(table: object, base: Path) -> Tls:
    if not isinstance(table, dict):
        raise ConfigError("tls: write a table, [tls]")
    _only(table, KNOWN_TLS, "tls.")
    listen = _address(_text(table, "listen", of="tls."), "tls.listen")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, private_key = (
        base / _text(table, name, of="tls.") for name in ("certificate", "private_key")
    )
    _private(private_key, "tls.private_key")
    try:
        context.load_cert_chain(certificate, private_key)
    except OSError as error:  # also what ssl raises
        raise ConfigError(f"tls.certificate: {certificate}: {error.strerror or error}") from error
    return Tls(listen, _matching(table, "name", HOST, "the name in the certificate", of="tls."), context)


def _key(path: Path) -> bytes:
    _private(path, "key_file")
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ConfigError(f"key_file: {path} does not hold 64 hex digits")
    return bytes.fromhex(text)


def _private(path: Path, name: str) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{name}: {path}: {error.strerror}") from error
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{name}: {path} can be read by others: chmod 600 {path}")
    if found.st_uid not in {0, os.geteuid()}:
        raise ConfigError(f"{name}: {path} belongs to somebody else: chown it to the gateway's user")


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


def _interval(table: Table) -> float:
    value = table.get("sync_s", 10)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ConfigError("sync_s: write seconds, more than 0 and at most 3600")
    return float(value)


def _url(table: Table, name: str) -> str:
    text = _text(table, name)
    try:
        url = urlsplit(text)
        whole = url.scheme in {"http", "https"} and url.hostname and (url.port or True)
    except ValueError:
        whole = False
    if not whole or url.query or url.fragment or url.username is not None or not text.isprintable():
        raise ConfigError(f"{name}: write http://HOST[:PORT] or https://HOST[:PORT]")
    return text.rstrip("/")


def _address(text: str, name: str) -> tuple[str, int]:
    ip, _, port = text.rpartition(":")
    try:
        number = int(port) if port.isascii() and port.isdecimal() else 0
        if 0 < number < 65536:
            return str(ipaddress.IPv4Address(ip)), number
    except ValueError:
        pass
    raise ConfigError(f"{name}: {text!r} is not IPv4:PORT")


def _network(text: str, name: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}, write a network like 10.0.0.0/24") from error


def _matching(table: Table, name: str, pattern: re.Pattern[str], what: str, of: str = "") -> str:
    text = _text(table, name, of=of)
    if not pattern.fullmatch(text):
        raise ConfigError(f"{of}{name}: {text!r} is not {what}")
    return text


def _text(table: Table, name: str, default: str | None = None, of: str = "") -> str:
    value = table.get(name, default)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{of}{name}: " + ("write a text" if name in table else "is missing"))
    return value


def _texts(table: Table, name: str) -> list[str]:
    values = table.get(name, [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ConfigError(f"{name}: write a list of texts")
    return values


def _only(table: Table, known: frozenset[str], of: str) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ConfigError(f"{of}{unknown[0]}: unknown, known are {', '.join(sorted(known))}")
