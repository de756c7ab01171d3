"""A real HTTPS server, with a certificate of a test authority, that says what a recorded dialogue says."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from drivers.model import Device, Endpoint, HttpLogin, Secret, Trust
from tests.collectors.dialogue import Dialogue, device
from tests.gateway import certificates

NAME = "controlador.test"
SECRET = "clave-que-nadie-ve-4711"
USER = "plaza"


@dataclass
class Heard:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


Says = Callable[[Heard], tuple[int, dict[str, str], bytes] | None]
"""Status, headers and body of an answer; None closes the line without a word."""


@dataclass
class Server:
    """Where it is, what it was asked, and what it says: to be changed while it runs."""

    device: Device
    says: Says
    heard: list[Heard] = field(default_factory=list)

    def paths(self) -> list[str]:
        """What it was asked, in order."""
        return [f"{one.method} {one.path}" for one in self.heard]


def login(dialogue: Dialogue) -> HttpLogin:
    """The login that the dialogue's server accepts."""
    if dialogue.content.get("login") == "token":
        return HttpLogin(token=Secret(SECRET))
    return HttpLogin(USER, Secret(SECRET))


def as_recorded(dialogue: Dialogue) -> Says:
    """The answers of a dialogue; what it does not know is 404, who does not prove himself gets 401."""

    def says(heard: Heard) -> tuple[int, dict[str, str], bytes] | None:
        asked = (heard.method, heard.path)
        known = [each for each in dialogue.exchanges if (each["method"], each["path"]) == asked]
        if not known:
            return 404, {}, b'{"error": 404, "message": "Not Found"}'
        for exchange in known:
            if _fits(exchange, heard):
                body = json.dumps(exchange["reply"], ensure_ascii=False).encode()
                return exchange.get("status", 200), exchange.get("reply_headers", {}), body
        return 401, {}, b"{}"

    return says


def _fits(exchange: Any, heard: Heard) -> bool:
    """Headers and body are as recorded; `SECRET` there stands for what nobody may write down."""
    told = {name.lower(): value for name, value in heard.headers.items()}
    needs = exchange.get("needs", {})
    if any(told.get(name.lower()) != value.replace("SECRET", SECRET) for name, value in needs.items()):
        return False
    wanted = exchange.get("body")
    if isinstance(wanted, str) or wanted is None:
        return (wanted or "") == heard.body
    return bool(json.loads(heard.body) == json.loads(json.dumps(wanted).replace("SECRET", SECRET)))


@contextmanager
def served(directory: Path, there: Device, says: Says) -> Iterator[Server]:
    """The server, gone afterwards; `there` is the device that it is, but for its port and its authority."""
    authority = certificates.write(directory, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "gateway.pem", directory / "gateway.key")
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listener.daemon_threads = True
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    port = listener.socket.getsockname()[1]
    trust = Trust(NAME, str(authority))
    server = Server(replace(there, http=Endpoint("127.0.0.1", port), trust=trust), says)
    listener.plaza = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


@contextmanager
def replayed(directory: Path, dialogue: Dialogue) -> Iterator[Server]:
    """A server that says what the dialogue says."""
    with served(directory, device(dialogue), as_recorded(dialogue)) as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
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
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def _answer(self, method: str) -> None:
        server: Server = self.server.plaza  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        heard = Heard(method, self.path, dict(self.headers.items()), body)
        server.heard.append(heard)
        said = server.says(heard)
        if said is None:
            self.close_connection = True
            return
        status, headers, octets = said
        self.send_response(status)
        for name, value in {"Content-Length": str(len(octets)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)
