"""Configuration that tells phones where a site's captive portal API is.

RFC 8910: DHCPv4 option 114, DHCPv6 option 103, router advertisement option 37; the value is the URL of the
RFC 8908 API. The tests have dnsmasq, dhcpd and Kea read their lines; those for OpenWrt, RouterOS and radvd
are unverified.
"""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from controller.errors import ControllerError

LONGEST_OCTETS: Final = 255
CHILLI: Final = "coovachilli"
"""Whose line `controller.capport` writes: its URL is the portal's own."""

# No quote, comma, semicolon, dollar or blank: what is left cannot end a value in any of these files.
_API: Final = re.compile(r"https://(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*(?::\d{1,5})?(?:/[A-Za-z0-9._~%/-]*)?")


def checked(api: str) -> str:
    """The URL as it is. Raises ControllerError saying what to write instead."""
    if not api.startswith("https://"):
        raise ControllerError("--api must begin with https://: phones ignore any other (RFC 8910)")
    if len(api.encode()) > LONGEST_OCTETS:
        raise ControllerError(f"--api is over {LONGEST_OCTETS} octets, the most DHCP takes; shorten it")
    if not _API.fullmatch(api):
        raise ControllerError(
            "--api must be https://NAME[:PORT]/PATH: a dotted lower-case name that a certificate can carry, "
            "not an address, and a path of letters, digits and . _ ~ % / -"
        )
    return api


def dnsmasq(api: str) -> str:
    """Lines for a file in /etc/dnsmasq.d; the last keeps Firefox's default DNS over HTTPS off."""
    return (
        f"dhcp-option=114,{api}\n"
        f"dhcp-option=option6:103,{api}\n"
        "# Firefox leaves its default DNS over HTTPS off when this name does not exist.\n"
        "address=/use-application-dns.net/\n"
    )


def isc(api: str) -> str:
    """Lines for dhcpd.conf and dhcpd6.conf."""
    return (
        "# dhcpd.conf\n"
        "option plaza-captive-portal code 114 = text;\n"
        f'option plaza-captive-portal "{api}";\n'
        "# dhcpd6.conf\n"
        "option dhcp6.plaza-captive-portal code 103 = text;\n"
        f'option dhcp6.plaza-captive-portal "{api}";\n'
    )


def kea4(api: str) -> str:
    """What kea-dhcp4.conf needs beside its own."""
    return _kea(4, api)


def kea6(api: str) -> str:
    """What kea-dhcp6.conf needs beside its own."""
    return _kea(6, api)


def _kea(version: int, api: str) -> str:
    options = [{"name": f"v{version}-captive-portal", "data": api}]
    return json.dumps({f"Dhcp{version}": {"option-data": options}}, indent=2) + "\n"


def openwrt(api: str) -> str:
    """Commands; they write into `config dhcp` of /etc/config/dhcp."""
    return (
        "# /etc/config/dhcp, section `config dhcp 'guest'`: your guests' may have another name.\n"
        f"uci add_list dhcp.guest.dhcp_option='114,{api}'\n"
        "uci commit dhcp\n"
        "service dnsmasq restart\n"
    )


def routeros(api: str) -> str:
    """Commands: the option, and the guests' network that hands it out."""
    return (
        f"/ip dhcp-server option add name=plaza-captive-portal code=114 value=\"s'{api}'\"\n"
        "# Put your guests' network for 10.5.50.0/24; options it has already go before ours, with a comma.\n"
        "/ip dhcp-server network set [find address=10.5.50.0/24] dhcp-option=plaza-captive-portal\n"
    )


def radvd(api: str) -> str:
    """A line for radvd.conf, inside the guests' interface; radvd 2.20 or later."""
    return f'AdvCaptivePortalAPI "{api}";\n'


KINDS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "dnsmasq": dnsmasq,
        "isc": isc,
        "kea4": kea4,
        "kea6": kea6,
        "openwrt": openwrt,
        "routeros": routeros,
        "radvd": radvd,
    }
)
