"""The guests' bridge, where it is one: nothing goes from port to port, and no guest plays the network's host.

A frame between two ports never comes by the rules of the router, so a table of its own (`bridge plaza`) drops
each. It also drops, and counts as rogue, what only the host of a network sends: answers of DHCP and DHCPv6,
router advertisements, redirects, and whatever claims one of our own addresses. Our own frames to the guests
come from the machine and not through a port, so they pass.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway import nft
from captive_portal.gateway.elements import BRIDGE, Table
from captive_portal.gateway.errors import EnforcerFailed, Refused
from captive_portal.gateway.netlink import Channel, Opened

NAME: Final = "plaza"
REMOVAL: Final = f"add table bridge {NAME}\ndelete table bridge {NAME}\n"
HEARD_S: Final = 5
"""How long a phone is remembered at a port where it was heard."""

ROGUE: Final = "rogue"
PORTS: Final = "ports"
INTERFACES: Final = Path("/sys/class/net")
ADDRESSES: Final = Path("/proc/net/if_inet6")


@dataclass(frozen=True, slots=True)
class Seat:
    """What the table needs to know of a bridge: its ports, its own MAC, its own addresses."""

    ports: tuple[str, ...]
    mac: str
    address: str
    addresses6: tuple[str, ...] = ()


def ruleset(seat: Seat) -> str:
    """The whole table, to be applied in one step; its counter and who is where are kept."""
    ours6 = ", ".join(seat.addresses6)
    claimed = ", ".join(f"0x{int(ipaddress.IPv6Address(one)):032x}" for one in seat.addresses6)
    claims6 = _CLAIMS6.format(ours6=ours6, claimed=claimed) if seat.addresses6 else ""
    ports = ", ".join(f'"{port}"' for port in seat.ports)
    return _RULESET.format(
        seats=f"elements = {{ {ports} }}" if ports else "",
        mac=seat.mac,
        ip=seat.address,
        heard=HEARD_S,
        claims6=claims6,
    )


def seat_of(lan: str, address: str) -> Seat | None:
    """An interface as it is now, with our IPv4 address there; None where it is no bridge, or is gone."""
    here = INTERFACES / lan
    try:
        ports = tuple(sorted(port.name for port in (here / "brif").iterdir()))
        mac = (here / "address").read_text(encoding="ascii").strip()
    except OSError:
        return None
    addresses6 = own6(ADDRESSES.read_text(encoding="ascii"), lan) if ADDRESSES.exists() else ()
    return Seat(ports, mac, address, addresses6)


def own6(text: str, interface: str) -> tuple[str, ...]:
    """The addresses of an interface in the text of /proc/net/if_inet6: digits, four numbers, a name."""
    rows = (line.split() for line in text.splitlines())
    found = (row[0] for row in rows if len(row) == 6 and row[5] == interface)
    return tuple(sorted(str(ipaddress.IPv6Address(int(digits, 16))) for digits in found))


class Border:
    """The table of one bridge. `run` is the command that reaches nft, `opened` makes sockets."""

    def __init__(self, lan: str, address: str, run: tuple[str, ...], opened: Opened = socket.socket) -> None:
        self._lan = lan
        self._address = address
        self._run = run
        self._table = Table(NAME, Channel(opened), BRIDGE)
        self._laid: Seat | None = None
        self._refused = ""

    @property
    def notice(self) -> str:
        """What an operator must know; empty when frames are really filtered."""
        if not self._bridged:
            return f"{self._lan} is no bridge: what joins the guests must keep them apart; no copy is seen"
        return self._refused

    @property
    def refused(self) -> str:
        """Why the table does not stand though it should; else empty."""
        return self._refused

    def lay(self) -> None:
        """Have the table stand as the bridge is now; where it does already nothing is done.

        What cannot be done is told by `notice`: the router's own rules stand all the same.
        """
        seat = seat_of(self._lan, self._address)
        if seat is None or (seat == self._laid and self._stands()):
            return
        try:
            self._load(ruleset(seat))
        except EnforcerFailed as error:
            self._laid, self._refused = None, f"guests on {self._lan} are not kept apart: {error}"
        else:
            self._laid, self._refused = seat, ""

    def rogue(self) -> int:
        """How many frames were dropped that only the host of a network sends; 0 where there is no table."""
        try:
            return self._table.packets(ROGUE)
        except Refused:
            return 0

    def ports(self) -> Iterable[tuple[str, str]]:
        """Each MAC heard in the last HEARD_S with its port, once for each port; none without a table."""
        try:
            return [_read_place(one.key) for one in self._table.elements(PORTS)]
        except Refused:
            return []

    @property
    def _bridged(self) -> bool:
        return (INTERFACES / self._lan / "bridge").is_dir()

    def _stands(self) -> bool:
        try:
            self._table.packets(ROGUE)
        except Refused:
            return False
        return True

    def _load(self, wanted: str) -> None:
        try:
            nft.load(self._run, wanted)
        except EnforcerFailed:
            # a table of another version
            nft.load(self._run, REMOVAL + wanted)


def _read_place(key: bytes) -> tuple[str, str]:
    """The MAC, lower case with colons, and the port of a key of `ether_addr . ifname`."""
    return key[:6].hex(":"), key[8:24].rstrip(b"\0").decode(errors="replace")


# who looks whether our address is free (from :: or 0.0.0.0) is let through: we answer that it is not
_CLAIMS6: Final = """\
    ip6 saddr {{ {ours6} }} counter name rogue drop
    icmpv6 type nd-neighbor-advert @th,64,128 {{ {claimed} }} counter name rogue drop
"""

_RULESET: Final = """\
table bridge plaza {{
  counter rogue {{ }}
  set seats {{ type ifname; }}
  set ports {{ type ether_addr . ifname; flags dynamic, timeout; timeout {heard}s; size 65535; }}
  chain arrive {{ type filter hook prerouting priority filter; policy accept; }}
  chain between {{ type filter hook forward priority filter; policy accept; }}
}}
flush chain bridge plaza arrive
flush chain bridge plaza between
flush set bridge plaza seats
table bridge plaza {{
  set seats {{ type ifname; {seats} }}
  chain arrive {{
    iifname != @seats return
    # a frame of our own that comes back
    ether saddr {mac} drop
    update @ports {{ ether saddr . iifname }}
    udp sport {{ 67, 547 }} counter name rogue drop
    icmpv6 type {{ nd-router-advert, nd-redirect }} counter name rogue drop
    arp saddr ip {ip} counter name rogue drop
    ip saddr {ip} counter name rogue drop
{claims6}\
  }}
  chain between {{
    iifname @seats drop
    oifname @seats drop
  }}
}}
"""
