"""Reads the values of the gateway's configuration, each mistake one line that says how to mend it."""

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.shaping import FASTEST_KBPS

Table = Mapping[str, Any]


def kbps(found: Table, name: str, of: str) -> int:
    """A rate in kbit/s, 0 where it is not known. Raises ConfigError."""
    value = found.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= FASTEST_KBPS:
        raise ConfigError(f"{of}{name}: write kbit/s, at most {FASTEST_KBPS}; 0 is not known")
    return value


def inner(table: Table, name: str, known: frozenset[str]) -> Table:
    """The table of that name, which holds nothing else than is known. Raises ConfigError."""
    found = table[name]
    if not isinstance(found, dict):
        raise ConfigError(f"{name}: write a table, [{name}]")
    only(found, known, f"{name}.")
    return found


def is_address(host: str) -> bool:
    """Whether this is an IP address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def private(path: Path, name: str) -> None:
    """Raises ConfigError unless the file is read by its owner alone, who is root or we."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{name}: {path}: {error.strerror}") from error
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{name}: {path} can be read by others: chmod 600 {path}")
    if found.st_uid not in {0, os.geteuid()}:
        raise ConfigError(f"{name}: {path} belongs to somebody else: chown it to the gateway's user")


def seconds(
    table: Table, name: str, default: float, of: str = "", least: float = 0, most: float = 3600
) -> float:
    """A number of seconds. Raises ConfigError."""
    value = table.get(name, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not least <= value <= most
        or not value
    ):
        above = f"at least {least}" if least else "more than 0"
        raise ConfigError(f"{of}{name}: write seconds, {above} and at most {most}")
    return float(value)


def url(table: Table, name: str) -> str:
    """`http` or `https`, a host, perhaps a port, without the last slash. Raises ConfigError."""
    said = text(table, name)
    try:
        parts = urlsplit(said)
        whole = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username is not None or not said.isprintable():
        raise ConfigError(f"{name}: write http://HOST[:PORT] or https://HOST[:PORT]")
    return said.rstrip("/")


def address(said: str, name: str) -> tuple[str, int]:
    """An IPv4 address and a port. Raises ConfigError."""
    ip, _, port = said.rpartition(":")
    try:
        number = int(port) if port.isascii() and port.isdecimal() else 0
        if 0 < number < 65536:
            return str(ipaddress.IPv4Address(ip)), number
    except ValueError:
        pass
    raise ConfigError(f"{name}: {said!r} is not IPv4:PORT")


def network(said: str, name: str) -> str:
    """A network, IPv4 or IPv6. Raises ConfigError."""
    try:
        return str(ipaddress.ip_network(said))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}, write a network like 10.0.0.0/24") from error


def matching(table: Table, name: str, pattern: re.Pattern[str], what: str, of: str = "") -> str:
    """A text of this form, of which `what` tells. Raises ConfigError."""
    said = text(table, name, of=of)
    if not pattern.fullmatch(said):
        raise ConfigError(f"{of}{name}: {said!r} is not {what}")
    return said


def text(table: Table, name: str, default: str | None = None, of: str = "") -> str:
    """A text that is not empty. Raises ConfigError."""
    value = table.get(name, default)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{of}{name}: " + ("write a text" if name in table else "is missing"))
    return value


def texts(table: Table, name: str) -> list[str]:
    """A list of texts, empty where nothing is written. Raises ConfigError."""
    values = table.get(name, [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ConfigError(f"{name}: write a list of texts")
    return values


def only(table: Table, known: frozenset[str], of: str) -> None:
    """Raises ConfigError for a key that nobody knows."""
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ConfigError(f"{of}{unknown[0]}: unknown, known are {', '.join(sorted(known))}")
