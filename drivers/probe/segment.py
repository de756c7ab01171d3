"""TCP segments as octets: scapy takes a millisecond for each, and would be what a download measures."""

import os
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Self

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
IPV4: Final = b"\x08\x00"
_TCP: Final = 6
_TTL: Final = 64
_ETHER, _IP = 14, 20


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment says (RFC 9293 §3.1); `ports` are its source's and its goal's."""

    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int
    window: int = 0
    options: bytes = b""
    content: bytes = b""

    @classmethod
    def read(cls, frame: bytes, source: IPv4Address, goal: IPv4Address) -> Self | None:
        """The segment in a frame; None where there is none, whole, between these two."""
        ip = frame[_ETHER:]
        if frame[12:14] != IPV4 or len(ip) < _IP or ip[9] != _TCP:
            return None
        if ip[12:20] != source.packed + goal.packed or ip[6] & 0x3F or ip[7]:
            return None
        head, whole = (ip[0] & 0x0F) * 4, int.from_bytes(ip[2:4])
        tcp = ip[head:whole]  # a short frame is filled up behind it
        if len(tcp) < 20 or (start := (tcp[12] >> 4) * 4) < 20:
            return None
        from_port, to_port, seq, ack, _, flags, window = struct.unpack_from("!HHIIBBH", tcp)
        return cls((from_port, to_port), seq, ack, flags, window, tcp[20:start], tcp[start:])

    def packet(self, source: IPv4Address, goal: IPv4Address) -> bytes:
        """The IPv4 packet that carries it."""
        tcp = self._tcp(source, goal)
        marks = (0x45, 0, _IP + len(tcp), int.from_bytes(os.urandom(2)), 0x4000, _TTL, _TCP)
        head = struct.pack("!BBHHHBB", *marks)
        ends = source.packed + goal.packed
        return head + _sum(head + b"\0\0" + ends).to_bytes(2) + ends + tcp

    def _tcp(self, source: IPv4Address, goal: IPv4Address) -> bytes:
        options = self.options + b"\0" * (-len(self.options) % 4)
        offset = (20 + len(options)) // 4 << 4
        head = struct.pack("!HHIIBBH", *self.ports, self.seq, self.ack, offset, self.flags, self.window)
        rest = b"\0\0" + options + self.content
        length = len(head) + 2 + len(rest)
        pseudo = source.packed + goal.packed + struct.pack("!HH", _TCP, length)
        return head + _sum(pseudo + head + b"\0\0" + rest).to_bytes(2) + rest


def _sum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    even = octets + b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
