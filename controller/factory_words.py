"""Logins, passwords and communities that factories set, and thieves try first."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Factory:
    """A vendor's login out of the box; `source` is where that is said, "" where none was found."""

    user: str
    password: str
    source: str


LOGINS: Final[Mapping[str, Factory]] = MappingProxyType(
    {
        "openwrt": Factory("root", "", "wiki.openwrt.org/doc/howto/firstlogin, as quoted by others"),
        "mikrotik_routeros": Factory("admin", "", "emnews.online/?p=633, until about 2022"),
        "ubiquiti_airos": Factory("ubnt", "ubnt", ""),
        "ubiquiti_unifi": Factory("ubnt", "ubnt", "blog.nexxplane.com/how-to-ssh-into-your-unifi-devices"),
        "cisco_ios": Factory("Cisco", "Cisco", "cisco.com, Wireless Controller Configuration Guide 8.2"),
        "cambium_cnpilot": Factory("admin", "admin", ""),
        "aruba_instant": Factory("admin", "admin", ""),
        "tplink_eap": Factory("admin", "admin", ""),
    }
)
"""By platform. Newer devices of several vendors have one of their own, printed on their label."""

WORDS: Final = frozenset(
    {
        *(
            "",
            "public",
            "private",
            "admin",
            "administrator",
            "root",
            "password",
            "passwd",
            "default",
            "guest",
        ),
        *("ubnt", "cisco", "motorola", "superuser", "sp-admin", "ruckus", "aruba", "cambium", "mikrotik"),
        *("1234", "12345", "123456", "12345678", "123456789", "changeme", "secret", "snmp", "guest"),
    }
)
"""Passwords and communities that factories set or everybody tries first, in lower case."""
