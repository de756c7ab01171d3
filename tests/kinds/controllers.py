"""What stands in for controllers of other vendors: HTTPS as theirs, and able to misbehave."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from tests.gateway import certificates

NAME = "localhost"
USER = "plaza"
SECRET = "operador-4711"
DRIPS = 3000
"""The most pieces of an answer without an end: a client without patience of its own reads for minutes."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    def __getitem__(self, header: str) -> str:
        return self.headers.get(header.lower(), "")


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    body: object
    headers: dict[str, str] = field(default_factory=dict)


class Controller(Protocol):
    """What answers."""

    def answer(self, asked: Asked) -> Said:
        """The answer to one request."""
        ...

    def let_through(self) -> set[str]:
        """The MACs of the phones that are online by it, lower-case with colons."""
        ...


Trouble = Callable[["Handler"], None]


@dataclass
class Standing:
    """A stand-in that runs: where it is, what it was asked, and the trouble it makes instead of answering."""

    controller: Controller
    url: str
    fingerprint: str
    authority: Path
    heard: list[Asked] = field(default_factory=list)
    trouble: Trouble | None = None


@contextmanager
def standing(directory: Path, controller: Controller, name: str = NAME) -> Iterator[Standing]:
    """The stand-in on a port of loopback, with a certificate of its own authority; gone afterwards."""
    authority = certificates.write(directory, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "gateway.pem", directory / "gateway.key")
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    shown = ssl.PEM_cert_to_DER_cert((directory / "gateway.pem").read_text())
    url = f"https://{NAME}:{listener.socket.getsockname()[1]}"
    there = Standing(controller, url, sha256(shown).hexdigest(), authority)
    listener.plaza = there  # type: ignore[attr-defined]
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield there
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 for a Standing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def handle_one_request(self) -> None:
        """A client that leaves is no news."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def say(self, said: Said) -> None:
        """Send an answer."""
        octets = json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, value in {"Content-Length": str(len(octets)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def _answer(self, method: str) -> None:
        there: Standing = self.server.plaza  # type: ignore[attr-defined]
        octets = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method, self.path, headers, json.loads(octets) if octets else None)
        there.heard.append(asked)
        if there.trouble is not None:
            there.trouble(self)
        else:
            self.say(there.controller.answer(asked))


def cookies(asked: Asked) -> dict[str, str]:
    """The cookies of a request."""
    pairs = (pair.strip().partition("=") for pair in asked["Cookie"].split(";") if pair.strip())
    return {name: value for name, _, value in pairs}


@dataclass
class Sessions:
    """Logins that a controller gave, and forgets when it is told to: so many times, each after one login."""

    logins: int = 0
    forgets: int = 0
    alive: set[str] = field(default_factory=set)

    def open(self) -> str:
        """A new one."""
        self.logins += 1
        session = f"sesion-{self.logins}"
        self.alive.add(session)
        return session

    def knows(self, session: str) -> bool:
        """Whether it is alive still."""
        if session in self.alive and self.forgets:
            self.forgets -= 1
            self.alive.clear()
        return session in self.alive
