"""Many phones that ask for addresses from one interface: DHCP, each with a MAC of its own."""

import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
MAGIC = b"\x63\x82\x53\x63"
BROADCAST = ("255.255.255.255", 67)


@dataclass(frozen=True)
class Lease:
    """What the server gave: the last kind of message it sent, the address, all options."""

    kind: int
    ip: str
    options: dict[int, bytes]


def door(opened: Callable[[int, int, int], socket.socket]) -> socket.socket:
    """Where all of them send and hear, on eth0."""
    link = opened(socket.AF_INET, socket.SOCK_DGRAM, 0)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    link.bind(("", 68))
    link.settimeout(2)
    return link


def made_up() -> bytes:
    """A MAC as a phone makes one up for each network."""
    return b"\x02" + os.urandom(5)


def join(link: socket.socket, mac: bytes) -> Lease | None:
    """DISCOVER and REQUEST; None where nobody answers one of them."""
    offered = _asked(link, mac, DISCOVER)
    if offered is None:
        return None
    wanted = bytes([50, 4]) + socket.inet_aton(offered.ip) + bytes([54, 4]) + offered.options[54]
    return _asked(link, mac, REQUEST, wanted)


def again(link: socket.socket, mac: bytes, ip: str) -> Lease | None:
    """What a phone asks that comes back and remembers its address (INIT-REBOOT)."""
    return _asked(link, mac, REQUEST, bytes([50, 4]) + socket.inet_aton(ip))


def _asked(link: socket.socket, mac: bytes, kind: int, more: bytes = b"") -> Lease | None:
    number = os.urandom(4)
    fixed = struct.pack("!BBBB4sHH16x16s192x", 1, 1, 6, 0, number, 0, 0x8000, mac + bytes(10))
    # a name and a client id, as phones send them
    named = bytes([12, 8]) + b"Ana-fone" + bytes([61, 7, 1]) + os.urandom(6)
    said = fixed + MAGIC + bytes([53, 1, kind]) + more + named + bytes([55, 3, 3, 6, 114, 255])
    link.sendto(said, BROADCAST)
    while True:
        try:
            found = link.recv(2048)
        except TimeoutError:
            return None
        if found[4:8] == number:
            options = _options(found)
            return Lease(options[53][0], socket.inet_ntoa(found[16:20]), options)


def _options(found: bytes) -> dict[int, bytes]:
    options, place = dict[int, bytes](), 240
    while found[place] != 255:
        code, length = found[place], found[place + 1]
        options[code] = found[place + 2 : place + 2 + length]
        place += 2 + length
    return options
