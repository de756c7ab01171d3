"""A DHCP client small enough to read: asks for a lease with option 114 and prints it as JSON."""

import json
import os
import socket
import struct
import sys

DISCOVER, REQUEST = 1, 3
ROUTER, DNS, REQUESTED, KIND, SERVER, WANTED, PORTAL_API = 3, 6, 50, 53, 54, 55, 114
MAGIC = b"\x63\x82\x53\x63"


def message(mac: bytes, number: bytes, kind: int, options: bytes = b"") -> bytes:
    fixed = struct.pack("!BBBB4sHH16x16s192x", 1, 1, 6, 0, number, 0, 0x8000, mac + bytes(10))
    wanted = bytes([WANTED, 3, ROUTER, DNS, PORTAL_API])
    return fixed + MAGIC + bytes([KIND, 1, kind]) + options + wanted + b"\xff"


def options(reply: bytes) -> dict[int, bytes]:
    found, place = {}, 240
    while reply[place] != 255:
        code, length = reply[place], reply[place + 1]
        found[code] = reply[place + 2 : place + 2 + length]
        place += 2 + length
    return found


def main(interface: str, mac: bytes) -> None:
    number = os.urandom(4)
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    link.bind(("", 68))
    link.settimeout(2)

    def ask(kind: int, more: bytes = b"") -> bytes:
        for _ in range(10):
            link.sendto(message(mac, number, kind, more), ("255.255.255.255", 67))
            try:
                reply = link.recv(2048)
            except TimeoutError:
                continue
            if reply[4:8] == number:
                return reply
        raise SystemExit("no lease")

    offer = ask(DISCOVER)
    given = offer[16:20]
    reply = ask(REQUEST, bytes([REQUESTED, 4]) + given + bytes([SERVER, 4]) + options(offer)[SERVER])
    told = options(reply)
    lease = {
        "ip": socket.inet_ntoa(reply[16:20]),
        "router": socket.inet_ntoa(told[ROUTER][:4]),
        "dns": socket.inet_ntoa(told[DNS][:4]),
        "api": told[PORTAL_API].decode(),
    }
    sys.stdout.write(json.dumps(lease))


main(sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")))
