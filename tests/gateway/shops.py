"""Servers of the tests: web servers with the probes of phones, and datagrams that come back.

`python -m tests.gateway.shops '[["IP", PORT], …]'` opens a web server at each, and an echo at each IP.
"""

import contextlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from tests.probes import PROBES

ANSWERS = {probe.path: (probe.status, probe.body) for probe in PROBES}


class Web(BaseHTTPRequestHandler):
    """A web server; `/drip` and `/flood` are downloads that never end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path in ("/drip", "/flood"):
            self._pour(*((1000, 0.02) if self.path == "/drip" else (65536, 0)))
            return
        status, body = ANSWERS.get(self.path, (200, f"I am {self.connection.getsockname()[0]}\n".encode()))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self.rfile.read1(65536):
                pass
        self.close_connection = True

    def _pour(self, octets: int, pause_s: float) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the phone had enough
            while True:
                self.wfile.write(b"." * octets)
                time.sleep(pause_s)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


class Shop(ThreadingHTTPServer):
    """A server that looks no name up for its address: nobody would answer."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "shop.test", self.server_address[1]


class Shop6(Shop):
    address_family = socket.AF_INET6


def echo(service: socket.socket) -> None:
    """A UDP service that sends every datagram back, and keeps sending to whoever said `stream`."""
    while True:
        said, caller = service.recvfrom(2048)
        sys.stderr.write(f"heard {said.decode()}\n")
        sys.stderr.flush()
        with contextlib.suppress(OSError):  # who named an address to which there is no way hears nothing
            service.sendto(said, caller)
        if said == b"stream":
            threading.Thread(target=_stream, args=(service, caller), daemon=True).start()


def _stream(service: socket.socket, caller: Any) -> None:
    while True:
        service.sendto(b"more", caller)
        time.sleep(0.05)


def serve(server: Any) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()


def open_shop(ip: str, port: int) -> None:
    """A web server at this address, of either family."""
    serve((Shop6 if ":" in ip else Shop)((ip, port), Web))


def open_echo(ip: str) -> None:
    """An echo on port 7 of this address, of either family."""
    service = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    service.bind((ip, 7))
    threading.Thread(target=echo, args=(service,), daemon=True).start()


def main() -> None:
    asked = json.loads(sys.argv[1])
    for ip, port in asked:
        open_shop(ip, port)
    for ip in {ip for ip, _ in asked}:
        open_echo(ip)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
