"""The text of the nftables rules: who may go where, before and after a grant.

Guests are admitted to IPv4. Their IPv6 is refused always, and at once, so that a phone falls back without
waiting: a ticket is bound to a MAC and an IPv4 address, and the addresses that a phone makes up for itself in
IPv6 could neither be bound nor counted. Nothing goes from guest to guest through here; on the radio the
access point isolates them.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway.enforcer import SPENT_S, Terms
from captive_portal.gateway.phone import Phone

TABLE: Final = "inet plaza"
REMOVAL: Final = f"add table {TABLE}\ndelete table {TABLE}\n"
COUNTED_S: Final = 32 * 24 * 3600
"""How much longer than its door at first a session's counters live, so that its last octets can be told, also
of one that was made longer. The program removes them at the end; this bounds what a dead one leaves."""

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


def admission(phone: Phone, terms: Terms, nonce: str) -> str:
    """One step that spends the nonce and opens the door; the kernel refuses both when the nonce is spent."""
    counted = f'timeout {terms.seconds + COUNTED_S}s comment "{terms.session}"'
    counters = _anew("up", phone.ip, counted) + _anew("down", phone.ip, counted)
    return prolongation(phone, terms, nonce) + counters


def prolongation(phone: Phone, terms: Terms, nonce: str) -> str:
    """One step that spends the nonce and sets the door's time anew; what was counted is not touched."""
    lasts = f"timeout {terms.seconds}s"
    caps = f" {terms.ceiling.here} {terms.ceiling.total}"
    door = _anew("door", f"{phone.mac} . {phone.ip}", f'{lasts} comment "{terms.session}{caps}"')
    return spending(nonce) + door + _anew("replies", phone.ip, lasts)


def spending(name: str) -> str:
    """Use a name up; the kernel refuses when it was."""
    return f"create element {TABLE} spent {{ {spent_key(name)} timeout {SPENT_S}s }}\n"


def spent_key(name: str) -> str:
    """A name as an element of the set `spent`: 128 bits of its hash, written as an IPv6 address."""
    return str(ipaddress.IPv6Address(hashlib.sha256(name.encode()).digest()[:16]))


def removal(name: str, element: str) -> str:
    """Take an element out of a set, whether or not it is there."""
    return f"add element {TABLE} {name} {{ {element} }}\ndelete element {TABLE} {name} {{ {element} }}\n"


def beginning(seconds: float) -> str:
    """Note in the kernel from when on (seconds since boot) the set `spent` is complete."""
    return f'create element {TABLE} since {{ 1 comment "{seconds:.3f}" }}\n'


def _anew(name: str, element: str, options: str) -> str:
    # `add` alone leaves the old timeout of an element that exists
    return removal(name, element) + f"add element {TABLE} {name} {{ {element} {options} }}\n"


def _elements(items: Iterable[str]) -> str:
    joined = ", ".join(items)
    return f"elements = {{ {joined} }}" if joined else ""


def _only_v4(networks: Iterable[str]) -> list[str]:
    return [network for network in networks if ipaddress.ip_network(network).version == 4]


_RULESET: Final = """\
table inet plaza {{
  set door {{ type ether_addr . ipv4_addr; flags timeout; size 65535; }}
  set replies {{ type ipv4_addr; flags timeout; size 65535; }}
  set up {{ type ipv4_addr; flags timeout; counter; size 65535; }}
  set down {{ type ipv4_addr; flags timeout; counter; size 65535; }}
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
    ether saddr . ip saddr @door return
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
    ether saddr . ip saddr @door jump sent
    jump refuse
  }}
  chain arrive {{
    ct state related icmp type {{ destination-unreachable, time-exceeded }} accept
    ct state established,related ip saddr . tcp sport @garden accept
    ct state established,related iifname "{wan}" ip daddr @replies jump received
    drop
  }}
  chain sent {{
    ip saddr @up
    accept
  }}
  chain received {{
    ip daddr @down
    accept
  }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }}
}}
"""
