"""How OpenWrt keeps itself: its clock, whom it asks for the time, where its log goes."""

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from drivers.configurers import zones
from drivers.configurers.openwrt.uci import Config
from drivers.errors import ValueRefused
from drivers.model import Intent

_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
"""A host name or an IPv4 address: a word that init scripts hand on and could take for nothing more."""


def view(intent: Intent, running: Config) -> Mapping[str, object]:
    """What the template needs; what the intent leaves empty is None. Raises ValueRefused."""
    manage = intent.manage
    for server in manage.ntp:
        check_host(intent, "NTP server", server)
    if manage.syslog is not None:
        check_host(intent, "syslog server", manage.syslog.host)
    servers = running.of_kind("system", "timeserver")
    return {
        "zone": manage.zone or None,
        "timezone": _posix(intent) if manage.zone else None,
        "syslog": manage.syslog,
        "timeserver": servers[0].name if servers else "ntp",
        "ntp": manage.ntp,
    }


def check_host(intent: Intent, what: str, host: str) -> None:
    """Raises ValueRefused for what is no host."""
    if not _HOST.fullmatch(host) and not _is_ipv6(host):
        hint = "write an address like 10.8.0.5 or a name like ntp.example.mx"
        raise ValueRefused(intent.device, f"the {what} {host!r} is no host", hint)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return "%" not in host


def _posix(intent: Intent) -> str:
    try:
        return zones.posix(intent.manage.zone)
    except ValueError as error:
        what = f"the zone {intent.manage.zone!r} {error}"
        raise ValueRefused(intent.device, what, "write one like America/Chihuahua") from None
