"""Many phones behind one port of the gateway, each with a MAC and an address of its own, cheaply.

All live in the namespace of one phone. Every address of NETWORK is local there, so a program may speak from
each; on the way out nftables gives each frame, and each ARP answer, the MAC of its sender, and on the way in
it takes what is sent to any of these MACs. The gateway resolves, learns and sees that many phones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from bench.poll.peer import Missing
from tests.gateway import streets
from tests.gateway.streets import LAN, PHONES
from tests.gateway.town import Town

NETWORK: Final = IPv4Network("10.99.16.0/20")
MOST: Final = NETWORK.num_addresses - 2
PHONE: Final = next(iter(PHONES))
"""In whose namespace they live."""

_ROOM: Final = {"gc_thresh1": "4096", "gc_thresh2": "8192", "gc_thresh3": "16384"}
_NEIGHBOURS: Final = Path("/proc/sys/net/ipv4/neigh/default")
_FRAMES: Final = """\
table netdev crowd {{
  map macs {{ type ipv4_addr : ether_addr; elements = {{ {macs} }} }}
  chain out {{
    type filter hook egress device "eth0" priority 0;
    ip saddr {network} ether saddr set ip saddr map @macs
    arp saddr ip {network} ether saddr set arp saddr ip map @macs
    arp saddr ip {network} arp saddr ether set arp saddr ip map @macs
  }}
  chain in {{
    type filter hook ingress device "eth0" priority 0;
    arp daddr ip {network} meta pkttype set host
    ip daddr {network} meta pkttype set host
  }}
}}
"""


def address(number: int) -> str:
    """Of a phone, counted from 0. Raises IndexError."""
    return str(NETWORK[number + 1])


def mac(number: int) -> str:
    """Of the same phone: locally administered."""
    return f"02:ca:fe:99:{number >> 8:02x}:{number & 255:02x}"


def settle(town: Town, many: int) -> None:
    """That many phones come into a square, whose streets stand."""
    phone, gateway, internet = (town.ns(name) for name in (PHONE, "gateway", "internet"))
    streets.ip(phone, "addr add 10.99.0.51/24 dev eth0")
    streets.ip(phone, f"route add default via {LAN}")
    streets.ip(phone, f"route add local {NETWORK} dev lo")
    streets.ip(phone, "link set eth0 promisc on")
    streets.ip(gateway, f"route add {NETWORK} dev br-lan")
    streets.ip(internet, f"route add {NETWORK} via 198.51.100.2")
    macs = ", ".join(f"{address(number)} : {mac(number)}" for number in range(many))
    town.inside(PHONE, "nft", "-f", "-", text=_FRAMES.format(macs=macs, network=NETWORK))


@contextmanager
def room_for_neighbours() -> Iterator[None]:
    """Linux remembers 1,024 neighbours unless told otherwise, in all namespaces together; as it was after.

    Raises Missing.
    """
    before = {name: _threshold(name).read_text() for name in _ROOM}
    try:
        _set(_ROOM)
        yield
    except OSError as error:
        raise Missing(f"more neighbours than usual: {error.strerror}") from error
    finally:
        _set(before)


def _set(thresholds: dict[str, str]) -> None:
    for name, text in thresholds.items():
        _threshold(name).write_text(text)


def _threshold(name: str) -> Path:
    return _NEIGHBOURS / name
