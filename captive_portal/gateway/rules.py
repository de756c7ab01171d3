"""The text of the nftables rules: who may go where, before and after a grant.

A phone is let in with its MAC and its IPv4 address. Where the regime admits IPv6, all addresses that the MAC
uses in IPv6 pass with it: they are counted, slowed down, charged and cut together with that door. Else, and
before the tap, IPv6 is refused at once, so that a phone falls back without waiting. Nothing goes from guest
to guest through here; on the radio the access point isolates them.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway.chains import BASE, CHAINS, RULESET

NAME: Final = "plaza"
REMOVAL: Final = f"add table inet {NAME}\ndelete table inet {NAME}\n"
STAMP: Final = 0x706C7A61
"""The mark of packets that went through these rules on their way in; without it the fence lets none pass."""

PRIVATE: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
)  # fmt: skip
"""Where guests never go: private, CGNAT, link-local, loopback, special, multicast, reserved (RFC 6890)."""

NOT_GLOBAL: Final = ("::/3", "4000::/2", "8000::/1")
"""All but 2000::/3, which alone is given out (RFC 4291): among it loopback, IPv4-mapped, NAT64 (64:ff9b::/96
of RFC 6052), unique-local, link-local and multicast."""

IPV6, FILTERED = 1, 2
"""Elements of `regime`."""
EMERGENCY: Final = 1
"""The element of `everybody`, and the mark of connections that pass for it alone."""

STROLLS: Final = 0x10000
"""From here on, so many: the marks of connections that pass because of the name they go to, one for each MAC
but for a collision. Those of sessions are lower."""

OPEN_NAMES, FEW_NAMES = 53, 5301
"""Where our own dnsmasq answers who is in, and who is not."""


@dataclass(frozen=True, slots=True)
class Territory:
    """What the rules need to know of a site. Services are (IPv4 address, TCP port).

    `own_names`: our own dnsmasq answers on two ports, who is in and who is not; else one on port 53 does all.
    """

    lan: str
    wan: str
    listen: tuple[str, int]
    ports: tuple[int, ...]
    garden: tuple[tuple[str, int], ...]
    management: tuple[str, ...]
    own_names: bool = False


def ruleset(territory: Territory) -> str:
    """The whole table, to be applied in one step: doors, counters and spent nonces that exist are kept."""
    forbidden = (*PRIVATE, *_of_version(4, territory.management))
    ip, port = territory.listen
    return RULESET.format(
        flushed="\n".join(f"flush chain inet {NAME} {chain}" for chain in CHAINS),
        jumped="\n".join(f"  chain {chain} {{ }}" for chain in CHAINS if chain not in BASE),
        lan=territory.lan,
        wan=territory.wan,
        ip=ip,
        port=port,
        ports=", ".join(str(port) for port in territory.ports),
        outside=FEW_NAMES if territory.own_names else OPEN_NAMES,
        garden=_elements(f"{ip} . {port}" for ip, port in territory.garden),
        forbidden=_elements(forbidden),
        forbidden6=_elements((*NOT_GLOBAL, *_of_version(6, territory.management), *map(_by_6to4, forbidden))),
        stamp=hex(STAMP),
        no_ipv6=f"meta mark & 0 | {IPV6} != @regime",
        filtered=f"meta mark & 0 | {FILTERED} @regime",
        all=f"meta mark & 0 | {EMERGENCY} @everybody",
        emergency=EMERGENCY,
        strolls=STROLLS,
        strollers=f"{STROLLS}-{2 * STROLLS - 1}",
    )


def without_counts(text: str) -> str:
    """The rules for a kernel that counts no connections (OpenWrt without kmod-nft-connlimit)."""
    return "\n".join(line for line in text.splitlines() if " ct count " not in line) + "\n"


def _elements(items: Iterable[str]) -> str:
    joined = ", ".join(items)
    return f"elements = {{ {joined} }}" if joined else ""


def _of_version(version: int, networks: Iterable[str]) -> list[str]:
    return [network for network in networks if ipaddress.ip_network(network).version == version]


def _by_6to4(network: str) -> str:
    """What a relay of 6to4 (RFC 3056) would take to this network of IPv4."""
    inside = ipaddress.IPv4Network(network)
    prefix = 0x2002 << 112 | int(inside.network_address) << 80
    return str(ipaddress.IPv6Network((prefix, 16 + inside.prefixlen)))
