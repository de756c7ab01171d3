"""What OpenWrt's template needs of a wish, and which packages and options it is about."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from drivers.configurers.openwrt import files, hours, keeping, layout, names, portal
from drivers.configurers.openwrt.files import File
from drivers.configurers.openwrt.uci import Config
from drivers.configurers.seam import Wish

PACKAGES: Final = ("system", "wireless")
"""The packages we read and write, in the order they are applied."""

OPTIONAL: Final = ("network", "opennds", "uspot", "chilli")
"""Those we read and write where the device has them."""

CONSULTED: Final = ("snmpd",)
"""Those we only read."""

OWN_OPTIONS: Final = MappingProxyType(
    {
        ("system", "system"): frozenset({"hostname"}),
        ("wireless", "wifi-device"): frozenset({"country", "channel", "htmode", "txpower", "disabled"}),
        (files.PACKAGE, files.KIND): frozenset({file.option for file in files.FILES}),
        **portal.OWN_OPTIONS,
    }
)
"""The options we own in the device's own sections, by package and kind."""

KEPT_OPTIONS: Final = MappingProxyType(
    {
        ("system", "system"): frozenset({"timezone", "zonename", "log_ip", "log_port", "log_proto"}),
        ("system", "timeserver"): frozenset({"enabled", "server"}),
        ("network", layout.MANAGEMENT): frozenset({"device"}),
        ("wireless", "wifi-iface"): frozenset({"disabled"}),
    }
)
"""Those we write only where an intent speaks of them, and restore; by package and kind, or section."""


def view(wish: Wish, running: Config) -> Mapping[str, object]:
    """What the template needs.

    Raises ValueRefused for what no AP can carry, ConfigRejected for what this one does not have.
    """
    seen = names.view(wish, running)
    files.needs_snmpd(wish.intent, installed=bool(running.package("snmpd")))
    networks = names.networks(wish, running)
    lines = {
        files.KEYS: files.keys(wish.intent),
        files.SNMP_USERS: files.snmp_users(wish.intent, wish.snmp_users),
    }
    wanted = {file: found for file, found in lines.items() if found}
    return {
        **seen,
        "networks": networks,
        **keeping.view(wish.intent, running),
        "management": layout.MANAGEMENT,
        "management_device": layout.management_device(wish.intent, running),
        "gateway": portal.gateway(wish, running),
        "files": _blocks({files.CRONTAB: hours.crontab(networks), **wanted}),
    }


def _blocks(wanted: Mapping[File, tuple[str, ...]]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, option and lines of each file that the intent speaks of."""
    return tuple((file.name, file.option, lines) for file, lines in wanted.items())
