"""What fills a line, and who browses beside it, each in a namespace of its own.

`serve IP` is a server of the Internet; `bulk takes|gives IP FLOWS` moves as much as it can until it is
killed; `browse IP PAGES` prints how long each page took, as JSON of seconds.
"""

import json
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable

PORT = 8081
PAGE = 12_000
THOUGHT_S = 0.04
"""As long as a server of the Internet is away and thinks."""
BLOCK = b"." * 16_384


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class Talk(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """One letter says what is wanted: a page, or to be flooded, or to be a sink."""
        wanted = self.request.recv(1)
        if wanted != b"p":
            _end_at_once(self.request)
        try:
            if wanted == b"p":
                time.sleep(THOUGHT_S)
                self.request.sendall(b"." * PAGE)
            while wanted == b"t":
                self.request.sendall(BLOCK)
            while wanted == b"g" and self.request.recv(65_536):
                pass
        except ConnectionError:
            return  # the phone had enough


def _end_at_once(link: socket.socket) -> None:
    """What is not sent yet is not sent after the end."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server6(Server):
    address_family = socket.AF_INET6


def serve(ip: str) -> None:
    with (Server6 if ":" in ip else Server)((ip, PORT), Talk) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


def bulk(way: str, ip: str, flows: str) -> None:
    for _ in range(int(flows)):
        threading.Thread(target=_moved, args=(way, ip), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


def _moved(way: str, ip: str) -> None:
    with socket.create_connection((ip, PORT), 60) as link:
        link.settimeout(None)
        _end_at_once(link)
        link.sendall(way[:1].encode())
        while link.recv(65_536) if way == "takes" else link.send(BLOCK):
            pass


def browse(ip: str, pages: str) -> None:
    sys.stdout.write(json.dumps([_page(ip) for _ in range(int(pages))]))


def _page(ip: str) -> float:
    began = time.monotonic()
    with socket.create_connection((ip, PORT), 60) as link:
        link.sendall(b"p")
        while link.recv(65_536):
            pass
    return time.monotonic() - began


WHAT: dict[str, Callable[..., None]] = {one.__name__: one for one in (serve, bulk, browse)}

if __name__ == "__main__":
    WHAT[sys.argv[1]](*sys.argv[2:])
