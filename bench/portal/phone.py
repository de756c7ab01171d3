"""A telephone that counts what crosses its sockets: HTTP/1.1, in clear or over TLS."""

import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

PATIENCE_S: Final = 30
BROWSER: Final[Mapping[str, str]] = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Mobile Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "es-MX,es;q=0.9",
    "Upgrade-Insecure-Requests": "1",
    "Connection": "keep-alive",
}
"""What Chrome on Android sends with a page, but for Accept-Encoding."""
GZIP: Final[Mapping[str, str]] = {"Accept-Encoding": "gzip, deflate, br"}
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 65536


class AnswerBroken(Exception):
    """A server closed in the middle of an answer, or before it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`up` and `down` are octets of the whole request and the whole answer, headers included, TLS apart."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    up: int
    down: int

    @property
    def text(self) -> str:
        """The body, unpacked."""
        packed = self.headers.get("content-encoding") == "gzip"
        return (zlib.decompress(self.body, _GZIP_BITS) if packed else self.body).decode()


@dataclass(slots=True)
class Line:
    """A connection to one origin; `wire` counts what TCP carried both ways since the handshake was over."""

    origin: str
    wire: int = 0
    _socket: socket.socket = field(init=False)
    _tls: ssl.SSLObject | None = field(init=False, default=None)
    _from: ssl.MemoryBIO = field(init=False, default_factory=ssl.MemoryBIO)
    _to: ssl.MemoryBIO = field(init=False, default_factory=ssl.MemoryBIO)

    def __enter__(self) -> Self:
        parts = urlsplit(self.origin)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), PATIENCE_S)
        if parts.scheme == "https":
            self._shake_hands()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, target: str, headers: Mapping[str, str], form: bytes | None = None) -> Answer:
        """GET, or POST of a form. Raises AnswerBroken."""
        lines = {"Host": urlsplit(self.origin).netloc, **headers}
        if form is not None:
            lines |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}
        begun = f"{'GET' if form is None else 'POST'} {target} HTTP/1.1\r\n"
        head = begun + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        asked = head.encode() + (form or b"")
        self._send(asked)
        return self._answer(len(asked))

    def _answer(self, up: int) -> Answer:
        said = b""
        while b"\r\n\r\n" not in said:
            said += self._more()
        head, _, body = said.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            body += self._more()
        return Answer(int(first.split()[1]), headers, body, up, len(head) + 4 + len(body))

    def _shake_hands(self) -> None:
        """With whatever certificate: this counts octets and trusts nobody."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._tls = context.wrap_bio(self._from, self._to, server_hostname="portal.example.mx")
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._to.read())
                self._from.write(self._received())
            else:
                break
        self._socket.sendall(self._to.read())
        self.wire = 0

    def _send(self, octets: bytes) -> None:
        if self._tls is not None:
            self._tls.write(octets)
            octets = self._to.read()
        self.wire += len(octets)
        self._socket.sendall(octets)

    def _more(self) -> bytes:
        if self._tls is None:
            return self._received()
        while True:
            try:
                return self._tls.read(_PIECE)
            except ssl.SSLWantReadError:
                self._from.write(self._received())

    def _received(self) -> bytes:
        octets = self._socket.recv(_PIECE)
        if not octets:
            raise AnswerBroken(f"{self.origin} closed before its answer was whole")
        self.wire += len(octets)
        return octets
