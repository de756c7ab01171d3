"""The menus of RouterOS that are modelled: their properties, what an export leaves out, what they refuse.

After help.mikrotik.com and exports that people published; nobody compared it with a device.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

ANY: Final = ("any",)
YES_NO: Final = ("one", "yes", "no")

Check = tuple[str, ...]
"""What a value must be: ("one", words…), ("int", least, most), ("ref", menus…), ("empty", another check)…"""


@dataclass(frozen=True)
class Property:
    """`default` is what it has when nobody said anything, and an export leaves out; None: always shown.

    What is not `printed` no command shows.
    """

    default: str | None = None
    check: Check = ANY
    secret: bool = False
    printed: bool = True


@dataclass(frozen=True)
class Menu:
    """A menu; `alone` has one item only. `unique` properties tell two items apart, `needed` must be given."""

    properties: Mapping[str, Property]
    alone: bool = False
    unique: Sequence[str] = ()
    needed: Sequence[str] = ()
    exported: bool = True
    made: Mapping[str, str] = field(default_factory=dict)


def _int(least: int, most: int) -> Check:
    return ("int", str(least), str(most))


_FLAG: Final = Property("no", YES_NO)
_COMMENT: Final = Property("")
_SECRET: Final = Property("", secret=True)

_WIFI: Final = {
    "name": Property(),
    "comment": _COMMENT,
    "default-name": Property(),
    "mac-address": Property(),
    "master-interface": Property("none", ("ref", "interface wifi")),
    "disabled": Property("yes", YES_NO),
    "configuration": Property(""),
    "channel": Property(""),
    "security": Property(""),
    "datapath": Property(""),
    "channel.band": Property(
        "",
        ("empty", "one", "2ghz-g", "2ghz-n", "2ghz-ax", "5ghz-a", "5ghz-n", "5ghz-ac", "5ghz-ax", "6ghz-ax"),
    ),
    "channel.frequency": Property("", ("empty", "frequency")),
    "channel.width": Property(
        "", ("empty", "one", "20mhz", "20/40mhz", "20/40mhz-Ce", "20/40/80mhz", "20/40/80/160mhz")
    ),
    "channel.skip-dfs-channels": Property("", ("empty", "one", "all", "10min-cac", "disabled")),
    "configuration.country": Property("", ("empty", "one", "Mexico", "United States", "Latvia", "Spain")),
    "configuration.manager": Property("", ("empty", "one", "local", "capsman", "capsman-or-local")),
    "configuration.mode": Property("", ("empty", "one", "ap", "station", "station-bridge")),
    "configuration.ssid": Property("", ("ssid",)),
    "configuration.tx-power": Property("", ("empty", "int", "0", "40")),
    "configuration.hide-ssid": Property("", ("empty", "one", "yes", "no")),
    "datapath.bridge": Property("", ("empty", "ref", "interface bridge")),
    "datapath.client-isolation": Property("", ("empty", "one", "yes", "no")),
    "datapath.vlan-id": Property("", ("empty", "none-or-int", "1", "4095")),
    "security.authentication-types": Property("", ("empty", "some", "owe", "wpa2-psk", "wpa3-psk")),
    "security.passphrase": Property("", ("psk",), secret=True),
}  # fmt: skip
_WIRELESS: Final = {
    "name": Property(),
    "comment": _COMMENT,
    "default-name": Property(),
    "mac-address": Property(),
    "master-interface": Property("none", ("ref", "interface wireless")),
    "disabled": Property("yes", YES_NO),
    "band": Property("", ("one", "2ghz-b/g/n", "2ghz-g/n", "5ghz-a/n/ac", "5ghz-a/n", "5ghz-n/ac")),
    "channel-width": Property("20mhz", ("one", "20mhz", "20/40mhz-XX", "20/40mhz-Ce", "20/40/80mhz-XXXX")),
    "frequency": Property("2412", ("frequency",)),
    "country": Property("etsi", ("one", "mexico", "united states", "latvia", "guatemala", "spain", "etsi")),
    "frequency-mode": Property("regulatory-domain", ("one", "regulatory-domain", "superchannel")),
    "mode": Property("station", ("one", "ap-bridge", "bridge", "station", "station-bridge")),
    "ssid": Property("MikroTik", ("ssid",)),
    "security-profile": Property("default", ("ref", "interface wireless security-profiles")),
    "default-forwarding": Property("yes", YES_NO),
    "vlan-mode": Property("no-tag", ("one", "no-tag", "use-tag", "use-service-tag")),
    "vlan-id": Property("1", _int(1, 4095)),
    "wps-mode": Property("push-button", ("one", "push-button", "disabled", "push-button-virtual-only")),
    "tx-power": Property("", _int(-30, 40)),
    "tx-power-mode": Property("default", ("one", "default", "all-rates-fixed", "card-rates", "manual-table")),
}  # fmt: skip

MENUS: Final[Mapping[str, Menu]] = {
    "interface bridge": Menu(
        {"name": Property(), "comment": _COMMENT, "vlan-filtering": _FLAG, "protocol-mode": Property("rstp")},
        unique=("name",),
    ),
    "interface ethernet": Menu(
        {"name": Property(), "default-name": Property(), "comment": _COMMENT, "disabled": _FLAG},
        unique=("name",),
    ),
    "interface wifi channel": Menu(
        {"name": Property(), "band": Property(""), "frequency": Property(""), "width": Property("")},
        unique=("name",),
    ),
    "interface wireless security-profiles": Menu(
        {
            "name": Property(),
            "comment": _COMMENT,
            "mode": Property("none", ("one", "none", "dynamic-keys", "static-keys-required")),
            "authentication-types": Property("", ("empty", "some", "wpa-psk", "wpa2-psk", "wpa2-eap")),
            "unicast-ciphers": Property("aes-ccm"),
            "group-ciphers": Property("aes-ccm"),
            "supplicant-identity": Property("MikroTik"),
            "wpa2-pre-shared-key": Property("", ("psk",), secret=True),
        },
        unique=("name",),
        made={"supplicant-identity": ""},
    ),
    "interface wireless": Menu(
        _WIRELESS, unique=("name",), needed=("master-interface",), made={"mode": "ap-bridge"}
    ),
    "interface wifi": Menu(_WIFI, unique=("name",), needed=("master-interface",)),
    "interface vlan": Menu(
        {
            "name": Property(),
            "comment": _COMMENT,
            "interface": Property(None, ("ref", "interface bridge", "interface ethernet")),
            "vlan-id": Property("1", _int(1, 4095)),
            "disabled": _FLAG,
        },
        unique=("name",),
        needed=("interface",),
    ),
    "interface bridge port": Menu(
        {
            "bridge": Property(None, ("ref", "interface bridge")),
            "interface": Property(
                None, ("ref", "interface ethernet", "interface wireless", "interface wifi", "interface vlan")
            ),
            "pvid": Property("1", _int(1, 4095)),
            "comment": _COMMENT,
            "disabled": _FLAG,
        },
        unique=("interface",),
        needed=("bridge", "interface"),
    ),
    "interface bridge vlan": Menu(
        {"bridge": Property(), "tagged": Property(""), "vlan-ids": Property(), "comment": _COMMENT}
    ),
    "ip hotspot profile": Menu(
        {
            "name": Property(),
            "login-by": Property(
                "cookie,http-chap", ("some", "cookie", "http-chap", "http-pap", "https", "mac", "trial")
            ),
            "use-radius": _FLAG,
            "html-directory": Property("hotspot"),
            "hotspot-address": Property("0.0.0.0"),  # noqa: S104  # RouterOS's word for none
        },
        unique=("name",),
    ),
    "ip hotspot": Menu(
        {
            "name": Property(),
            "interface": Property(None, ("ref", "interface bridge", "interface vlan")),
            "profile": Property("default", ("ref", "ip hotspot profile")),
            "address-pool": Property("none"),
            "disabled": Property("yes", YES_NO),
        },
        unique=("name", "interface"),
        needed=("interface",),
    ),
    "ip hotspot user profile": Menu(
        {"name": Property(), "rate-limit": Property(""), "shared-users": Property("1", _int(1, 1000))},
        unique=("name",),
    ),
    "ip address": Menu(
        {"address": Property(), "interface": Property(), "network": Property(""), "comment": _COMMENT}
    ),
    "ip dhcp-client": Menu({"interface": Property(), "comment": _COMMENT, "disabled": _FLAG}),
    "ip firewall filter": Menu({"chain": Property(), "action": Property("accept"), "comment": _COMMENT}),
    "ip hotspot walled-garden": Menu(
        {"action": Property("allow", ("one", "allow", "deny")), "dst-host": Property(""), "comment": _COMMENT}
    ),
    "ip hotspot walled-garden ip": Menu(
        {
            "action": Property("accept", ("one", "accept", "drop", "reject")),
            "dst-host": Property(""),
            "comment": _COMMENT,
        }
    ),
    "radius": Menu(
        {
            "address": Property(),
            "service": Property("", ("some", "hotspot", "ppp", "login", "wireless", "dhcp")),
            "secret": _SECRET,
            "authentication-port": Property("1812", _int(1, 65535)),
            "accounting-port": Property("1813", _int(1, 65535)),
            "timeout": Property("300ms"),
            "comment": _COMMENT,
        },
        needed=("address",),
    ),
    "radius incoming": Menu({"accept": _FLAG, "port": Property("3799", _int(1, 65535))}, alone=True),
    "snmp": Menu({"enabled": _FLAG, "contact": Property(""), "location": Property("")}, alone=True),
    "snmp community": Menu(
        {
            "name": Property(),
            "security": Property("none", ("one", "none", "authorized", "private")),
            "authentication-protocol": Property("MD5", ("one", "MD5", "SHA1")),
            "authentication-password": _SECRET,
            "encryption-protocol": Property("DES", ("one", "DES", "AES")),
            "encryption-password": _SECRET,
            "read-access": Property("yes", YES_NO),
            "write-access": _FLAG,
            "comment": _COMMENT,
        },
        unique=("name",),
    ),
    "system clock": Menu(
        {"time-zone-name": Property("manual", ("zone",)), "time-zone-autodetect": Property("yes", YES_NO)},
        alone=True,
    ),
    "system device-mode": Menu(
        {"mode": Property("advanced"), "scheduler": Property("yes", YES_NO)}, alone=True, exported=False
    ),
    "system identity": Menu({"name": Property("MikroTik")}, alone=True),
    "system logging action": Menu(
        {
            "name": Property(None, ("letters",)),
            "target": Property("memory", ("one", "memory", "disk", "echo", "remote", "email")),
            "remote": Property("0.0.0.0"),  # noqa: S104
            "remote-port": Property("514", _int(1, 65535)),
            "remote-protocol": Property("udp", ("one", "udp", "tcp")),
        },
        unique=("name",),
    ),
    "system logging": Menu(
        {"topics": Property("info"), "action": Property("memory", ("ref", "system logging action"))}
    ),
    "system ntp client": Menu({"enabled": _FLAG}, alone=True),
    "system ntp client servers": Menu({"address": Property(), "comment": _COMMENT}, unique=("address",)),
    "system scheduler": Menu(
        {
            "name": Property(),
            "comment": _COMMENT,
            "on-event": Property(""),
            "interval": Property("0s", ("time",)),
            "start-time": Property(None),
            "start-date": Property(None),
            "policy": Property("ftp,reboot,read,write,policy,test,password,sniff,sensitive,romon"),
            "disabled": _FLAG,
        },
        unique=("name",),
    ),
    "system script": Menu(
        {"name": Property(), "comment": _COMMENT, "source": Property(""), "owner": Property("")},
        unique=("name",),
    ),
    "interface": Menu({"name": Property(), "type": Property(""), "mac-address": Property()}, exported=False),
    "user": Menu(
        {"name": Property(), "group": Property("read"), "password": _SECRET, "comment": _COMMENT},
        unique=("name",),
        needed=("name", "group"),
        exported=False,
    ),
    "user ssh-keys": Menu(
        {
            "user": Property(),
            "key": Property(None, ("key",), printed=False),
            "bits": Property(),
            "key-owner": Property(),
            "comment": _COMMENT,
        },
        needed=("user", "key"),
        exported=False,
    ),
}  # fmt: skip
"""In the order of an export."""

SIX_NTP: Final = Menu({"enabled": _FLAG, "server-dns-names": Property("")}, alone=True)
