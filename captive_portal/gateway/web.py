"""A small HTTP server for phones: one request per connection, a limit on all that a phone can make large."""

import logging
import re
import socket
import socketserver
import ssl
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from captive_portal.gateway.errors import AddressTaken

log = logging.getLogger(__name__)

HEAD_OCTETS: Final = 8192
BODY_OCTETS: Final = 4096
DEADLINE_S: Final = 10.0
AT_ONCE: Final = 96
ROOM_S: Final = 0.05
"""How long we wait for the place of one who was hung up on, before another is."""

PORT: Final = re.compile(r":\d*$")
AT_ONCE_EACH: Final = 12  # background programs of a captive phone knock many times at once


@dataclass(frozen=True, slots=True)
class Request:
    """What a phone asks; its address, its query and whom it meant to ask are never shown.

    `host` is the name or address alone, lower case; "" where it told none.
    """

    method: str
    path: str
    query: str = field(repr=False)
    caller: str = field(repr=False)
    host: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""


Respond = Callable[[Request], Response]


class Unreadable(Exception):
    """Not a request we read; `status` says why."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(HTTPStatus(status).phrase)


class Listener(socketserver.ThreadingTCPServer):
    """Serves `respond` on one IPv4 address; with `tls`, over TLS."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        respond: Respond,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Bind; a caller has `deadline_s` to say what it wants. Raises AddressTaken."""
        self._respond = respond
        self._tls = tls
        self._deadline_s = deadline_s
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._callers: Counter[str] = Counter()
        self._unheard: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        try:
            super().__init__(address, socketserver.BaseRequestHandler)
        except OSError as error:
            raise AddressTaken(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from error

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether this caller has a place left."""
        with self._lock:
            return self._callers[client_address[0]] < AT_ONCE_EACH

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, when there is a place for it."""
        has_place = self._places.acquire(blocking=False)
        while not has_place:
            self._make_room()
            has_place = self._places.acquire(timeout=ROOM_S)
        with self._lock:
            self._callers[client_address[0]] += 1
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._leave(client_address[0])
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back, whatever happens."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(client_address[0])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Read one request, write one response."""
        deadline = time.monotonic() + self._deadline_s
        request.settimeout(self._deadline_s)
        with self._spoken(request) as connection:
            try:
                wanted = self._heard(connection, client_address[0], deadline)
                response, body = self._respond(wanted), wanted.method != "HEAD"
            except Unreadable as error:
                response, body = Response(error.status), True
            connection.settimeout(self._deadline_s)
            connection.sendall(head(response) + (response.body if body else b""))
            # the kernel throws an answer away when it closes a connection with something unread in it
            connection.shutdown(socket.SHUT_WR)

    def _spoken(self, request: socket.socket) -> socket.socket:
        if self._tls is None:
            return request
        return self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)

    def _heard(self, connection: socket.socket, caller: str, deadline: float) -> Request:
        """What is asked; until then this caller is one of those who give way. Raises Unreadable, OSError."""
        with self._lock:
            self._unheard[connection] = None
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            return read(connection, caller, deadline)
        finally:
            with self._lock:
                del self._unheard[connection]

    def _make_room(self) -> None:
        """Hang up on who has been silent, or slow, for the longest: a phone has said all at once."""
        with self._lock:
            slowest = next(iter(self._unheard), None)
            if slowest is not None:
                with suppress(OSError):  # it hung up itself
                    socket.socket.shutdown(slowest, socket.SHUT_RDWR)  # TLS's own would wait for a word

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone that went away is nobody's fault; all else is a bug, told without what the phone said."""
        kind, error, trace = sys.exc_info()
        if kind is not None and not isinstance(error, OSError):
            log.error("request failed", extra={"error": kind.__name__, "trace": traceback.format_tb(trace)})

    def _leave(self, caller: str) -> None:
        with self._lock:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]
        self._places.release()


def read(connection: socket.socket, caller: str, deadline: float) -> Request:
    """One request of at most 8 KiB, its body (4 KiB) thrown away. Raises Unreadable and OSError."""
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > HEAD_OCTETS:
            raise Unreadable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        received += _more(connection, deadline)
    lines, _, body = received.partition(b"\r\n\r\n")
    request, expected = parse(lines.decode("latin-1"), caller)
    while len(body) < expected:
        body += _more(connection, deadline)
    return request


def parse(lines: str, caller: str) -> tuple[Request, int]:
    """The request in a head, and how long its body is. Raises Unreadable."""
    first, *rest = lines.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[0].isalpha():
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    lengths = [line.partition(":")[2].strip() for line in rest if line.lower().startswith("content-length:")]
    expected = lengths[0] if lengths else "0"
    if not (expected.isascii() and expected.isdecimal()):
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    if len(expected) > 6 or int(expected) > BODY_OCTETS:
        raise Unreadable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        target = urlsplit(words[1])
    except ValueError as error:
        raise Unreadable(HTTPStatus.BAD_REQUEST) from error
    host = _host(rest)
    return Request(words[0].upper(), target.path or "/", target.query, caller, host), int(expected)


def _host(lines: Iterable[str]) -> str:
    """What the Host header names (RFC 9110 §7.2), without the port."""
    told = (line.partition(":")[2].strip().lower() for line in lines if line.lower().startswith("host:"))
    return PORT.sub("", next(told, ""))


def head(response: Response) -> bytes:
    """Status line and headers."""
    headers = {
        "Cache-Control": "no-store",
        **response.headers,
        "Content-Length": str(len(response.body)),
        "Connection": "close",
    }
    status = HTTPStatus(response.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _more(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(max(0.001, deadline - time.monotonic()))
    chunk = connection.recv(4096)
    if not chunk:
        raise ConnectionAbortedError
    return chunk
