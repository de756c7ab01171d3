"""Resolvers and name servers of the tests: answer by a name's first word, and say what each was asked.

`python -m tests.gateway.resolver WEB ADDRESS...`: UDP and TCP port 53 of each; prints `ADDRESS NAME TYPE`
lines. WEB is the IPv4 address of every web server that has none of its own here.
"""

import ipaddress
import socket
import struct
import sys
import threading

A, NULL, TXT, AAAA, ANY = 1, 10, 16, 28, 255
WEB4, WEB6 = "45.60.0.80", "2606:4700:80::80"
ANSWERS = {
    "zero": ("0.0.0.0", "::"),
    "inner": ("192.168.77.7", "fd00::7"),
    "loop": ("127.0.0.1", "::1"),
    "shared": ("100.64.9.9", "::ffff:10.0.0.1"),
}


def question(message: bytes) -> tuple[list[str], int, int]:
    """Labels, type, and where the question ends."""
    place, labels = 12, []
    while message[place]:
        labels.append(message[place + 1 : place + 1 + message[place]].decode("latin1").lower())
        place += 1 + message[place]
    return labels, int.from_bytes(message[place + 1 : place + 3]), place + 5


def answer(web: str, message: bytes) -> bytes:
    labels, kind, end = question(message)
    four, six = ANSWERS.get(labels[0] if labels else "", (web, WEB6))
    values = {
        A: [ipaddress.ip_address(four).packed],
        AAAA: [ipaddress.ip_address(six).packed],
        TXT: [b"\x04data"],
        NULL: [b"data"],
    }.get(kind, [])
    if labels[0] == "mixed" and kind == A:
        values.append(ipaddress.ip_address("10.66.0.6").packed)
    missing = labels[0] == "nothing"
    values = [] if missing else values
    ttl = 1 if labels[0] == "stale" else 600
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(one)) + one for one in values)
    flags = 0x8183 if missing else 0x8180
    return message[:2] + struct.pack("!HHHHH", flags, 1, len(values), 0, 0) + message[12:end] + records


def heard(address: str, message: bytes) -> None:
    try:
        labels, kind, _ = question(message)
        said = f"{address} {'.'.join(labels)} {kind}"
    except IndexError:
        said = f"{address} {message.hex()} ?"
    sys.stdout.write(said + "\n")
    sys.stdout.flush()


def by_udp(web: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    service = socket.socket(family, socket.SOCK_DGRAM)
    service.bind((address, 53))
    while True:
        message, caller = service.recvfrom(4096)
        heard(address, message)
        service.sendto(answer(web, message), caller)


def by_tcp(web: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    service = socket.create_server((address, 53), family=family)
    while True:
        line, _ = service.accept()
        with line:
            line.settimeout(2)
            message = line.recv(4096)[2:]
            heard(address, message)
            said = answer(web, message)
            line.sendall(len(said).to_bytes(2) + said)


def main(web: str, *addresses: str) -> None:
    for address in addresses:
        for serve in (by_udp, by_tcp):
            threading.Thread(target=serve, args=(web, address), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
