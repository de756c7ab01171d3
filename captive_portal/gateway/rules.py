"""The text of the nftables rules: who may go where, before and after a grant.

Guests are admitted to IPv4. Their IPv6 is refused always, and at once, so that a phone falls back without
waiting: a ticket is bound to a MAC and an IPv4 address, and the addresses that a phone makes up for itself in
IPv6 could neither be bound nor counted. Nothing goes from guest to guest through here; on the radio the
access point isolates them.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NAME: Final = "plaza"
REMOVAL: Final = f"add table inet {NAME}\ndelete table inet {NAME}\n"
PRIVATE: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
)  # fmt: skip
"""Where guests never go: private, CGNAT, link-local, loopback, special, multicast, reserved (RFC 6890)."""


@dataclass(frozen=True, slots=True)
class Territory:
    """What the rules need to know of a site. Services are (IPv4 address, TCP port)."""

    lan: str
    wan: str
    listen: tuple[str, int]
    ports: tuple[int, ...]
    garden: tuple[tuple[str, int], ...]
    management: tuple[str, ...]


def ruleset(territory: Territory) -> str:
    """The whole table, to be applied in one step: doors, counters and spent nonces that exist are kept."""
    garden = _elements(f"{ip} . {port}" for ip, port in territory.garden)
    forbidden = _elements((*PRIVATE, *_only_v4(territory.management)))
    ports = ", ".join(str(port) for port in territory.ports)
    ip, port = territory.listen
    return _RULESET.format(
        lan=territory.lan,
        wan=territory.wan,
        ip=ip,
        port=port,
        ports=ports,
        garden=garden,
        forbidden=forbidden,
    )


def _elements(items: Iterable[str]) -> str:
    joined = ", ".join(items)
    return f"elements = {{ {joined} }}" if joined else ""


def _only_v4(networks: Iterable[str]) -> list[str]:
    return [network for network in networks if ipaddress.ip_network(network).version == 4]


_RULESET: Final = """\
table inet plaza {{
  map door {{ type ether_addr . ipv4_addr : mark; flags timeout; size 65535; }}
  set open {{ type mark; flags timeout; size 65535; }}
  set up {{ type mark; flags timeout; counter; size 65535; }}
  set down {{ type mark; flags timeout; counter; size 65535; }}
  map purse {{ type mark : quota; size 65535; }}
  set slow_up {{ type mark; flags timeout; limit rate over 1 bytes/second; size 65535; }}
  set slow_down {{ type mark; flags timeout; limit rate over 1 bytes/second; size 65535; }}
  set spent {{ type ipv6_addr; flags timeout; size 65535; }}
  set since {{ type mark; }}
  set garden {{ type ipv4_addr . inet_service; }}
  set forbidden {{ type ipv4_addr; flags interval; auto-merge; }}
  chain prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
  chain input {{ type filter hook input priority filter; policy accept; }}
  chain forward {{ type filter hook forward priority filter; policy accept; }}
  chain visit {{ }}
  chain leave {{ }}
  chain arrive {{ }}
  chain sent {{ }}
  chain received {{ }}
  chain refuse {{ }}
}}
flush chain inet plaza prerouting
flush chain inet plaza input
flush chain inet plaza forward
flush chain inet plaza visit
flush chain inet plaza leave
flush chain inet plaza arrive
flush chain inet plaza sent
flush chain inet plaza received
flush chain inet plaza refuse
flush set inet plaza garden
flush set inet plaza forbidden
table inet plaza {{
  set garden {{ type ipv4_addr . inet_service; {garden} }}
  set forbidden {{ type ipv4_addr; flags interval; auto-merge; {forbidden} }}
  chain prerouting {{
    iifname != "{lan}" return
    meta nfproto ipv4 udp dport 53 redirect to :53
    meta nfproto ipv4 tcp dport 53 redirect to :53
    ct mark set ether saddr . ip saddr map @door return
    ip daddr . tcp dport @garden return
    tcp dport 80 dnat ip to {ip}:{port}
  }}
  chain input {{
    iifname "{lan}" jump visit
    iifname != {{ "{lan}", "lo" }} ip daddr {ip} tcp dport {{ {ports} }} drop
  }}
  chain visit {{
    ct state established,related accept
    meta nfproto ipv6 icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    meta nfproto ipv6 jump refuse
    udp dport {{ 53, 67 }} accept
    tcp dport 53 accept
    ip daddr {ip} tcp dport {{ {ports} }} accept
    icmp type echo-request limit rate 20/second accept
    jump refuse
  }}
  chain forward {{
    iifname "{lan}" jump leave
    oifname "{lan}" jump arrive
  }}
  chain leave {{
    meta nfproto ipv6 jump refuse
    ip daddr . tcp dport @garden accept
    ip daddr @forbidden jump refuse
    # to the Internet alone: not to another guest, not into a tunnel
    oifname != "{wan}" jump refuse
    ct mark set ether saddr . ip saddr map @door jump sent
    jump refuse
  }}
  chain arrive {{
    ct state related icmp type {{ destination-unreachable, time-exceeded }} accept
    ct state established,related ip saddr . tcp sport @garden accept
    ct state established,related iifname "{wan}" ct mark @open jump received
    drop
  }}
  chain sent {{
    ct mark @slow_up drop
    quota name ct mark map @purse jump refuse
    ct mark @up
    accept
  }}
  chain received {{
    ct mark @slow_down drop
    quota name ct mark map @purse drop
    ct mark @down
    accept
  }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }}
}}
"""
