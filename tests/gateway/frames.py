"""Frames as a phone that means harm sends them, each with its name in it.

`say INTERFACE NAME...` sends them; `hear INTERFACE` prints `ready`, then the names it hears, up to `the-end`.
"""

import ipaddress
import re
import socket
import struct
import sys
from collections.abc import Callable

EVERYBODY = b"\xff" * 6
PHONE1, PHONE2 = bytes.fromhex("02cafe5e0001"), bytes.fromhex("02cafe5e0002")
GUEST, OTHER, GATEWAY = (socket.inet_aton(f"10.99.0.{last}") for last in (51, 52, 1))
GUEST6, OTHER6, GATEWAY6 = (ipaddress.IPv6Address(f"2001:db8:99::{last}").packed for last in (2, 3, 1))
LINK_LOCAL, ALL_NODES, ELSEWHERE = (
    ipaddress.IPv6Address(one).packed for one in ("fe80::bad", "ff02::1", "2001:db8:ffff::1")
)
UDP, ICMP6, OPTIONS, FRAGMENT = 17, 58, 60, 44
ALL = 3  # ETH_P_ALL


def ethernet(kind: int, packet: bytes, to: bytes = EVERYBODY, by: bytes = PHONE1) -> bytes:
    return to + by + struct.pack("!H", kind) + packet


def checksum(octets: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(octets) + 1) // 2}H", octets + bytes(len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


def udp(source: int, target: int, name: str) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(name), 0) + name.encode()


def ipv4(packet: bytes, to: bytes = b"\xff" * 4, by: bytes = GUEST, protocol: int = UDP) -> bytes:
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(packet), 1, 0, 64, protocol, 0, by, to)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet


def ipv6(packet: bytes, to: bytes = ALL_NODES, by: bytes = LINK_LOCAL, following: int = UDP) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(packet), following, 255) + by + to + packet


def icmp6(kind: int, body: bytes, name: str) -> bytes:
    text = name.encode()
    packet = struct.pack("!BBH", kind, 0, 0) + body + bytes([253, 1 + (len(text) + 9) // 8]) + text
    packet += bytes(-len(packet) % 8)
    above = LINK_LOCAL + ALL_NODES + struct.pack("!II", len(packet), ICMP6)
    return packet[:2] + struct.pack("!H", checksum(above + packet)) + packet[4:]


def arp(kind: int, claimed: bytes, asked: bytes, name: str) -> bytes:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, kind)
    return head + PHONE1 + claimed + bytes(6) + asked + name.encode()


def tagged(frame: bytes) -> bytes:
    return frame[:12] + struct.pack("!HH", 0x8100, 5) + frame[12:]


def behind_options(packet: bytes, following: int) -> bytes:
    return bytes([following, 0, 1, 4, 0, 0, 0, 0]) + packet


Made = Callable[[str], bytes]
RA = bytes([64, 0, 7, 8]) + bytes(8)
ROGUE: dict[str, Made] = {
    "dhcp-offer": lambda name: ethernet(0x0800, ipv4(udp(67, 68, name))),
    "dhcp6-reply": lambda name: ethernet(0x86DD, ipv6(udp(547, 546, name))),
    "router-advert": lambda name: ethernet(0x86DD, ipv6(icmp6(134, RA, name), following=ICMP6)),
    "redirect": lambda name: ethernet(
        0x86DD, ipv6(icmp6(137, bytes(4) + LINK_LOCAL + ELSEWHERE, name), following=ICMP6)
    ),
    "router-advert-behind-options": lambda name: ethernet(
        0x86DD, ipv6(behind_options(icmp6(134, RA, name), ICMP6), following=OPTIONS)
    ),
    "arp-claim": lambda name: ethernet(0x0806, arp(2, GATEWAY, GUEST, name)),
    "arp-question-in-our-name": lambda name: ethernet(0x0806, arp(1, GATEWAY, OTHER, name)),
    "neighbour-claim": lambda name: ethernet(
        0x86DD, ipv6(icmp6(136, b"\x20\0\0\0" + GATEWAY6, name), following=ICMP6)
    ),
    "from-our-address": lambda name: ethernet(0x0800, ipv4(udp(9, 9, name), by=GATEWAY)),
    "from-our-address6": lambda name: ethernet(0x86DD, ipv6(udp(9, 9, name), by=GATEWAY6)),
}
"""What only the host of a network sends."""

PLAIN: dict[str, Made] = {
    "broadcast": lambda name: ethernet(0x0800, ipv4(udp(9, 9, name))),
    "unicast": lambda name: ethernet(0x0800, ipv4(udp(9, 9, name), to=OTHER), to=PHONE2),
    "unicast6": lambda name: ethernet(0x86DD, ipv6(udp(9, 9, name), to=OTHER6, by=GUEST6), to=PHONE2),
    "multicast6": lambda name: ethernet(0x86DD, ipv6(udp(9, 9, name), by=GUEST6), to=b"\x33\x33\0\0\0\1"),
    "arp-question": lambda name: ethernet(0x0806, arp(1, GUEST, OTHER, name)),
    "arp-answer": lambda name: ethernet(0x0806, arp(2, GUEST, OTHER, name), to=PHONE2),
    "nothing-known": lambda name: ethernet(0x88B5, name.encode() + bytes(50)),
    "tagged-dhcp-offer": lambda name: tagged(ROGUE["dhcp-offer"](name)),
    "tagged-broadcast": lambda name: tagged(PLAIN["broadcast"](name)),
}
"""What a guest may say, though not to another guest."""

THE_END = "the-end"
FRAMES: dict[str, Made] = {
    **ROGUE,
    **PLAIN,
    THE_END: lambda name: ethernet(0x88B5, name.encode() + bytes(50), by=b"\x02\0\0\0\0\7"),
}


def say(interface: str, names: list[str]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        for name in names:
            link.send(FRAMES[name](f"<{name}>"))


def hear(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as link:
        link.bind((interface, ALL))
        link.settimeout(30)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            frame, where = link.recvfrom(2048)
            told = re.search(rb"<([a-z0-9-]+)>", frame)
            if told and where[2] != socket.PACKET_OUTGOING:
                if told[1].decode() == THE_END:
                    return
                sys.stdout.write(f"{told[1].decode()}\n")


if __name__ == "__main__":
    what, interface, *names = sys.argv[1:]
    say(interface, names) if what == "say" else hear(interface)
