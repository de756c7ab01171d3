"""One HTTP request of the phone, over TLS where the URL wants it."""

import http.client
import io
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, urlsplit

from drivers.probe import dns
from drivers.probe.errors import Distrusted, Failed
from drivers.probe.phone import Phone
from drivers.probe.tcp import Connection
from drivers.probe.tls import Tls, believing, why_distrusted

_MOST_OCTETS: Final = 1 << 18
_LEAST_OCTETS: Final = 8192
_CHUNK_OCTETS: Final = 1 << 16
# a phone's words, with our name behind them for the portal's statistics
_AGENT: Final = "Mozilla/5.0 (Linux; Android 14; Mobile) AppleWebKit/537.36 (KHTML, like Gecko) PlazaProbe/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; the names of `headers` are lower case, `ms` is from the first packet to the whole body.

    `rtt_ms` is the round trip before it, of TCP alone.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float
    rtt_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: with a `form`, which is encoded already, a POST."""

    url: str
    form: str | None = None
    accept: str = "*/*"


@dataclass(frozen=True, slots=True)
class Means:
    """Who asks, until which moment of the monotonic clock, and whose certificates it believes."""

    phone: Phone
    until: float
    trusted: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Loaded:
    """A download: what came after its first octets, and in which time."""

    octets: int
    seconds: float
    rtt_ms: float

    @property
    def down_bps(self) -> float | None:
        """None for what came at once: that is no rate."""
        return self.octets * 8 / self.seconds if self.octets >= _LEAST_OCTETS and self.seconds > 0 else None


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


def ask(means: Means, request: Request) -> Answer:
    """Ask for a URL; no redirect is followed. Raises Failed and Reset."""
    begun = time.monotonic()
    with _asked(means, request) as (connection, response):
        body = response.read(_MOST_OCTETS)
        if response.length and len(body) < _MOST_OCTETS:
            raise Failed(f"{connection.server} ends its answer {response.length} octets too early")
    headers = {name.lower(): value for name, value in response.getheaders()}
    took_ms = (time.monotonic() - begun) * 1000
    return Answer(request.url, response.status, headers, body, took_ms, connection.rtt_ms)


def load(means: Means, url: str, most_octets: int) -> Loaded:
    """Download so many octets of a URL, or what comes until `means.until`. Raises Failed and Reset."""
    with _asked(means, Request(url)) as (connection, response):
        if response.status != 200:
            raise Failed(f"{without_query(url)} answers {response.status}")
        first = len(response.read1(_CHUNK_OCTETS))
        begun = latest = time.monotonic()
        octets = 0
        while first + octets < most_octets and (more := _next(response, means.until)):
            octets += len(more)
            latest = time.monotonic()
    return Loaded(octets, latest - begun, connection.rtt_ms)


def _next(response: http.client.HTTPResponse, until: float) -> bytes:
    """What comes next; b"" at the end, and when the time is over."""
    try:
        return response.read1(_CHUNK_OCTETS)
    except Failed:
        if time.monotonic() < until:
            raise
        return b""


@contextmanager
def _asked(means: Means, request: Request) -> Iterator[tuple[Connection, http.client.HTTPResponse]]:
    parts = split(request.url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(means.phone, host, means.until)
    connection = Connection(means.phone, address, port, means.until)
    try:
        stream = _believed(means, connection, host) if parts.scheme == "https" else connection
        stream.send(_written(parts, request))
        yield connection, _read(stream, "GET" if request.form is None else "POST")
    except (http.client.HTTPException, ValueError) as error:
        raise Failed(f"{connection.server} answers with something that is not HTTP: {error!r}") from None
    finally:
        connection.close()


def _believed(means: Means, connection: Connection, host: str) -> Stream:
    """TLS; a certificate that is not believed is fetched once more, to say what is wrong with it."""
    try:
        return Tls(connection, host, means.trusted)
    except Distrusted as error:
        again = Connection(means.phone, connection.address, connection.port, means.until)
        try:
            shown = Tls(again, host, believing()).certificate
        finally:
            again.close()
        raise Failed(why_distrusted(host, error, shown)) from None


def _address(phone: Phone, host: str, until: float) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        return dns.addresses(phone, host, until)[0]


def _written(parts: SplitResult, request: Request) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = str(parts.hostname) + (f":{parts.port}" if parts.port else "")
    form = request.form
    lines = [f"{'GET' if form is None else 'POST'} {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {_AGENT}"]
    lines += [f"Accept: {request.accept}", "Connection: close"]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
    try:
        return "\r\n".join((*lines, "", form or "")).encode("ascii")
    except UnicodeEncodeError:
        raise Failed(f"{without_query(request.url)} holds characters that no address may hold") from None


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


def _read(stream: Stream, method: str) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Socket(stream), method=method)  # type: ignore[arg-type]
    response.begin()
    return response
