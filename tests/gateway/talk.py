"""What a phone says and hears: `echo IP`, `dns IP NAME`, `stream IP`, `download IP`; prints what it heard.

`takes IP` and `gives IP` print how many kbit/s it was let have, after the first moment.
"""

import contextlib
import socket
import sys
import time
from collections.abc import Callable

FIRST_S = 0.5
MEASURED_S = 1.5


def ask(ip: str, port: int, said: bytes) -> bytes:
    """The first answer within two seconds, or nothing."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(2)
        try:
            link.connect((ip, port))
            link.send(said)
            return link.recv(2048)
        except OSError:
            return b""


def echo(ip: str) -> str:
    return ask(ip, 7, b"hello").decode() or "silence"


def dns(ip: str, name: str) -> str:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    answer = ask(ip, 53, b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01")
    return socket.inet_ntoa(answer[-4:]) if answer else "silence"


def stream(ip: str) -> str:
    """Listen to a stream that nobody has to keep asking for, until it falls silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(2)
        link.connect((ip, 7))
        link.send(b"stream")
        heard = _until_silence(link)
        with contextlib.suppress(OSError):
            link.send(b"afterwards")
        return heard


def download(ip: str) -> str:
    """Take a download that never ends, until it falls silent."""
    with socket.create_connection((ip, 80), 2) as link:
        link.sendall(b"GET /drip HTTP/1.1\r\n\r\n")
        return _until_silence(link)


def takes(ip: str) -> str:
    """A download as fast as it goes."""
    with socket.create_connection((ip, 80), 2) as link:
        link.sendall(b"GET /flood HTTP/1.1\r\n\r\n")
        return _kbps(lambda: len(link.recv(65536)))


def gives(ip: str) -> str:
    """An upload as fast as it goes."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # what is sent is soon what has arrived
        link.settimeout(20)
        link.connect((ip, 80))
        link.sendall(b"POST /sink HTTP/1.1\r\n\r\n")
        return _kbps(lambda: link.send(b"." * 16384))


def _kbps(moved: Callable[[], int]) -> str:
    """How fast `moved` moves octets, without those of the first moment."""
    until = time.monotonic() + FIRST_S
    while time.monotonic() < until:
        moved()
    octets, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < MEASURED_S:
        octets += moved()
    return str(int(octets * 8 / 1000 / passed))


def _until_silence(link: socket.socket) -> str:
    heard = 0
    try:
        while said := link.recv(65536):
            heard += len(said)
    except OSError:
        return str(heard)
    return "ended by the other side"


WHAT: dict[str, Callable[..., str]] = {
    one.__name__: one for one in (echo, dns, stream, download, takes, gives)
}
sys.stdout.write(WHAT[sys.argv[1]](*sys.argv[2:]))
