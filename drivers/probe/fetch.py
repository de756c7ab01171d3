"""One HTTP request of the phone, over TLS where the URL wants it."""

import http.client
import io
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from drivers.probe import dns
from drivers.probe.errors import Failed
from drivers.probe.phone import Phone
from drivers.probe.tcp import Connection

_MOST_OCTETS: Final = 1 << 18
# a phone's words, with our name behind them for the portal's statistics
_AGENT: Final = "Mozilla/5.0 (Linux; Android 14; Mobile) AppleWebKit/537.36 (KHTML, like Gecko) PlazaProbe/1"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; the names of `headers` are lower case, `ms` is from the first packet to the whole body."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float


class Stream(Protocol):
    """Octets both ways."""

    def send(self, octets: bytes) -> None:
        """All of it."""
        ...

    def receive(self) -> bytes:
        """What comes next, b"" at its end."""
        ...


def split(url: str) -> SplitResult:
    """The parts of a whole http or https URL. Raises Failed."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        whole = False
    if not whole:
        raise Failed(f"{without_query(url)} is no whole http or https address")
    return parts


def without_query(url: str) -> str:
    """A URL to show: what stands behind the question mark is between the phone and the portal."""
    return url.partition("?")[0].partition("#")[0]


def get(phone: Phone, url: str, until: float, trusted: ssl.SSLContext, accept: str = "*/*") -> Answer:
    """Ask for a URL; no redirect is followed. Raises Failed and Reset."""
    parts = split(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(phone, host, until)
    begun = time.monotonic()
    connection = Connection(phone, address, port, until)
    try:
        stream = Tls(connection, host, trusted) if parts.scheme == "https" else connection
        stream.send(_request(parts, accept))
        response = _read(stream)
        body = response.read(_MOST_OCTETS)
        if response.length and len(body) < _MOST_OCTETS:
            raise Failed(f"{connection.server} ends its answer {response.length} octets too early")
    except (http.client.HTTPException, ValueError) as error:
        raise Failed(f"{connection.server} answers with something that is not HTTP: {error!r}") from None
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(url, response.status, headers, body, (time.monotonic() - begun) * 1000)


def _address(phone: Phone, host: str, until: float) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        return dns.addresses(phone, host, until)[0]


def _request(parts: SplitResult, accept: str) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = str(parts.hostname) + (f":{parts.port}" if parts.port else "")
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {_AGENT}", f"Accept: {accept}"]
    try:
        return "\r\n".join((*lines, "Connection: close", "", "")).encode("ascii")
    except UnicodeEncodeError:
        raise Failed(f"{without_query(parts.geturl())} holds characters that no address may hold") from None


class _Octets(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or self._stream.receive()
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


class _Socket:
    """As much of a socket as http.client reads from."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Octets(self._stream))


def _read(stream: Stream) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Socket(stream), method="GET")  # type: ignore[arg-type]
    response.begin()
    return response


class Tls:
    """TLS over a connection that the kernel does not know. Raises Failed for a bad certificate."""

    def __init__(self, connection: Connection, name: str, trusted: ssl.SSLContext) -> None:
        self._connection = connection
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusted.wrap_bio(self._in, self._out, server_hostname=name)
        self._name = name
        try:
            self._carry(self._tls.do_handshake)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            raise Failed(f"{name} ends the connection instead of speaking TLS") from None

    def send(self, octets: bytes) -> None:
        """All of it."""
        self._carry(lambda: self._tls.write(octets))

    def receive(self) -> bytes:
        """What comes next, b"" at its end."""
        try:
            return self._carry(lambda: self._tls.read(16_384))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def _carry(self, act: Callable[[], T]) -> T:
        """Do it, with as many octets from and to the other side as that takes."""
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._flush()
                more = self._connection.receive()
                self._in.write(more) if more else self._in.write_eof()
            except ssl.SSLCertVerificationError as error:
                self._flush()
                raise Failed(f"the certificate of {self._name} is no good: {error.verify_message}") from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                raise
            except ssl.SSLError as error:
                raise Failed(f"{self._name} speaks no TLS that we understand: {error.reason}") from None
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if self._out.pending:
            self._connection.send(self._out.read())
