"""Asks the DHCP server behind eth0 as an access point of a vendor would; prints the offer as JSON."""

import json
import os
import socket
import struct
import sys
import time

COOKIE = b"\x63\x82\x53\x63"


def discover(number: int, calls_itself: str, asked: bytes) -> bytes:
    """A DISCOVER (RFC 2131) that wants its answer as a broadcast."""
    head = struct.pack("!BBBBIHH16x16s64x128x", 1, 1, 6, 0, number, 0, 0x8000, bytes.fromhex("02005e100001"))
    named = bytes((60, len(calls_itself))) + calls_itself.encode() if calls_itself else b""
    return head + COOKIE + b"\x35\x01\x01" + named + bytes((55, len(asked))) + asked + b"\xff"


def options(reply: bytes) -> dict[int, str]:
    """By code, in hexadecimal."""
    found, rest = {}, reply[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]].hex()
        rest = rest[2 + rest[1] :]
    return found


def ask(calls_itself: str, asked: bytes) -> dict[int, str]:
    """What the first OFFER says."""
    number = int.from_bytes(os.urandom(4))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        line.bind(("", 68))
        line.settimeout(2)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            line.sendto(discover(number, calls_itself, asked), ("255.255.255.255", 67))
            try:
                reply = line.recv(4096)
            except TimeoutError:
                continue
            if reply[4:8] == number.to_bytes(4) and reply[236:240] == COOKIE:
                return options(reply)
    raise SystemExit("nobody offered an address")


if __name__ == "__main__":
    json.dump(ask(sys.argv[1], bytes(map(int, sys.argv[2].split(",")))), sys.stdout)
