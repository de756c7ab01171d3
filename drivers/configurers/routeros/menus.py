"""What of a RouterOS configuration is ours, menu by menu, and how its items are addressed.

Ours entirely are items whose name begins `plaza-` or whose comment begins `plaza`; of anything else only the
properties that a change asks for. An export leaves out what has its default, so the defaults are here
(help.mikrotik.com, per menu; unverified on hardware).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from drivers.configurers.routeros.language import Item

OWN_NAME: Final = "plaza-"
OWN_COMMENT: Final = "plaza"
REVERT: Final = "plaza-revert"
BOOT: Final = "plaza-boot"
LAST: Final = "plaza-last"
BOOKKEEPING: Final = frozenset({REVERT, BOOT, LAST})
"""Our own notes of a trial: no part of what is compared, changed or restored."""

_SECRETS: Final = frozenset(
    {
        "passphrase", "password", "secret", "wpa-pre-shared-key", "wpa2-pre-shared-key", "pre-shared-key",
        "authentication-password", "encryption-password", "private-key", "preshared-key",
        "authentication-key", "radius-password", "user-password", "pin", "static-key-0",
        "static-key-1", "static-key-2", "static-key-3", "supplicant-password", "mschapv2-password",
        "ipsec-secret", "export-passphrase", "auth-key", "http-data", "cak", "sim-pin",
        "ckn", "modem-init", "otp",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu we add items to: `key` is the property that tells one of ours from another.

    `defaults` are what an export leaves out, and what a property gets back that is wished no more. A property
    that is not in `known` is none of our business.
    """

    key: str
    known: tuple[str, ...]
    defaults: Mapping[str, str] = field(default_factory=dict)


_WIFI: Final = Menu(
    "name",
    (
        "name", "comment", "master-interface", "disabled", "configuration.mode", "configuration.ssid",
        "datapath.bridge", "datapath.client-isolation", "datapath.vlan-id", "security.authentication-types",
        "security.passphrase",
    ),
    {
        "disabled": "yes", "datapath.client-isolation": "no", "datapath.vlan-id": "none",
        "datapath.bridge": "", "channel.frequency": "", "channel.width": "", "configuration.country": "",
        "configuration.tx-power": "", "configuration.mode": "", "configuration.ssid": "",
        "security.authentication-types": "", "security.passphrase": "", "comment": "",
    },
)  # fmt: skip
_WIRELESS: Final = Menu(
    "name",
    (
        "name", "comment", "master-interface", "disabled", "mode", "ssid", "security-profile",
        "default-forwarding", "vlan-mode", "vlan-id", "wps-mode",
    ),
    {
        "disabled": "yes", "default-forwarding": "yes", "vlan-mode": "no-tag", "vlan-id": "1", "comment": "",
        "security-profile": "default", "wps-mode": "push-button", "frequency-mode": "regulatory-domain",
        "channel-width": "20mhz", "tx-power-mode": "default",
    },
)  # fmt: skip

MENUS: Final[Mapping[str, Menu]] = MappingProxyType(
    {
        "interface wireless security-profiles": Menu(
            "name",
            (
                "name", "comment", "mode", "authentication-types", "unicast-ciphers", "group-ciphers",
                "wpa2-pre-shared-key",
            ),
            {
                "mode": "none", "authentication-types": "", "unicast-ciphers": "aes-ccm",
                "group-ciphers": "aes-ccm", "wpa2-pre-shared-key": "", "comment": "",
            },
        ),
        "interface wireless": _WIRELESS,
        "interface wifi": _WIFI,
        "interface bridge port": Menu("comment", ("comment", "bridge", "interface")),
        "ip hotspot profile": Menu(
            "name",
            ("name", "login-by", "use-radius", "html-directory"),
            {"login-by": "cookie,http-chap", "use-radius": "no", "html-directory": "hotspot"},
        ),
        "ip hotspot": Menu(
            "name", ("name", "interface", "profile", "disabled"), {"profile": "default", "disabled": "yes"}
        ),
        "ip hotspot walled-garden": Menu(
            "comment", ("comment", "action", "dst-host"), {"action": "allow"}
        ),
        "ip hotspot walled-garden ip": Menu(
            "comment", ("comment", "action", "dst-host"), {"action": "accept"}
        ),
        "radius": Menu(
            "comment",
            ("comment", "address", "service", "secret", "authentication-port", "accounting-port"),
            {"authentication-port": "1812", "accounting-port": "1813", "secret": ""},
        ),
        "snmp community": Menu(
            "comment",
            (
                "comment", "name", "security", "authentication-protocol", "authentication-password",
                "encryption-protocol", "encryption-password",
            ),
            {
                "security": "none", "authentication-protocol": "MD5", "encryption-protocol": "DES",
                "authentication-password": "", "encryption-password": "",
            },
        ),
        "system logging action": Menu(
            "name",
            ("name", "target", "remote", "remote-port", "remote-protocol"),
            {"remote-port": "514", "remote-protocol": "udp"},
        ),
        "system logging": Menu("action", ("action", "topics")),
        "system ntp client servers": Menu("comment", ("comment", "address")),
        "user ssh-keys": Menu("comment", ("comment",)),
        "file": Menu("name", ("name", "contents")),
    }
)  # fmt: skip
"""In the order in which items are added; they are removed in the opposite one."""

SINGLES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "system identity": {"name": "MikroTik"},
        "system clock": {"time-zone-name": "manual", "time-zone-autodetect": "yes"},
        "system ntp client": {"enabled": "no", "server-dns-names": ""},
        "snmp": {"enabled": "no"},
        "radius incoming": {"accept": "no", "port": "3799"},
    }
)
"""The properties that are ours, once wished, in menus of one item; with their defaults."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Of items that are the device's own: what we set of each that is wished, and of those that we took."""

    tuning: frozenset[str]
    taken: frozenset[str]


FIXED: Final[Mapping[str, Fixed]] = MappingProxyType(
    {
        "interface wifi": Fixed(
            frozenset(
                {"channel.frequency", "channel.width", "configuration.country", "configuration.tx-power"}
            ),
            frozenset(_WIFI.known) - {"name", "master-interface"},
        ),
        "interface wireless": Fixed(
            frozenset(
                {"frequency", "channel-width", "country", "frequency-mode", "tx-power", "tx-power-mode"}
            ),
            frozenset(_WIRELESS.known) - {"name", "master-interface"},
        ),
        "interface vlan": Fixed(frozenset(), frozenset({"vlan-id", "comment"})),
    }
)


def is_secret(name: str) -> bool:
    """Whether a property of that name holds a secret."""
    return name.rpartition(".")[2] in _SECRETS


def is_ours(item: Item) -> bool:
    """Whether an item is ours entirely."""
    if item.verb != "add" or item.menu not in MENUS or item.get("name") in BOOKKEEPING:
        return False
    if item.menu == "system logging":
        return item.get("action") == OWN_COMMENT
    if item.menu == "system logging action":
        return item.get("name") == OWN_COMMENT
    if item.menu == "user ssh-keys":
        return item.get("comment").startswith(f"{OWN_COMMENT} SHA256:")
    if item.menu == "file":
        return True  # only the page that we asked for by name is read at all
    return item.get("name").startswith(OWN_NAME) or item.get("comment").startswith(OWN_COMMENT)


def is_bookkeeping(item: Item) -> bool:
    """Whether an item is a note of ours about a trial."""
    return item.menu in {"system scheduler", "system script"} and item.get("name") in BOOKKEEPING
