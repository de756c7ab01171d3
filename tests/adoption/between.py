"""Somebody between a new device and the edge, who swaps our key for his own in what the edge answers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.adoption.factory import post

HIS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnCzLNd4sT2hcr4DTlZLXUxaVBcG5VYJe7q0s2Xn1pA"


@dataclass
class Thief:
    """Where he listens, what he heard, and how often he answered."""

    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    answered: int = 0


@contextmanager
def somebody_between(edge_url: str) -> Iterator[Thief]:
    """He hands on to the edge, and changes what comes back."""
    thief = Thief()

    class Between(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            thief.heard.append(body)
            status, said = post(edge_url, body)
            said = re.sub(rb"key=.*", b"key=" + HIS.encode(), said)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            thief.answered += 1

        def log_message(self, *_words: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    thief.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield thief
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()
