"""The way from a poller without a store to the centre: one HTTP question at a time, all of it bounded."""

import http.client
import secrets
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from captive_portal.gateway.signed import HEADER
from controller import remote_poller_wire as wire
from controller.errors import SettingsError
from metrics.segments_file import Frame
from metrics.segments_place import Losses

DEADLINE_S: Final = 30.0
_TOO_LARGE: Final = 413


class CentreAway(Exception):
    """Not now: `retry_after_s` where it says when."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class BatchTooLarge(CentreAway):
    """Something on the way takes less at a time."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the centre is, and what proves that it is the one; `tls` is None without TLS."""

    url: SplitResult
    tls: ssl.SSLContext | None = field(repr=False)

    @classmethod
    def of(cls, url: str, ca_file: Path | None) -> Self:
        """Raises SettingsError for a URL or a file that nobody can use."""
        try:
            found = urlsplit(url)
            sound = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
        except ValueError:
            sound = False
        if not sound or "@" in found.netloc or found.query or found.fragment:
            raise SettingsError("--forward-to: write https://HOST[:PORT], the edge_url of the centre")
        if found.scheme == "http":
            return cls(found, None)
        try:
            return cls(found, ssl.create_default_context(cafile=None if ca_file is None else str(ca_file)))
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"ca_file {ca_file}: {error}; name a file of PEM certificates") from None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are; `key` gives what signs, anew each time. Raises SecretError."""

    name: str
    spool: str
    key: Callable[[], bytes] = field(repr=False)


class Centre:
    """The centre's edge, over a connection that is kept; no proxy, no redirect. For one thread."""

    def __init__(self, address: Address, identity: Identity, deadline_s: float = DEADLINE_S) -> None:
        self._address = address
        self._identity = identity
        self._deadline_s = deadline_s
        self._connection: http.client.HTTPConnection | None = None

    def land(self, frames: Iterable[Frame], losses: Losses) -> wire.Landed:
        """Bring frames. Raises CentreAway, BatchTooLarge, SecretError."""
        nonce = secrets.token_hex(16)
        head = wire.Head(
            spool=self._identity.spool, nonce=nonce, dropped=losses.dropped, damaged=losses.damaged
        )
        return _answering(wire.Landed, self._asked("batch", wire.packed(head, frames)), nonce)

    def lease(self, epoch: int) -> wire.Leased:
        """Ask for the shard's lease, or for more of the one of this epoch. Raises CentreAway, SecretError."""
        nonce = secrets.token_hex(16)
        question = wire.Lease(spool=self._identity.spool, nonce=nonce, epoch=epoch)
        return _answering(wire.Leased, self._asked("lease", wire.told(question)), nonce)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, what: str, body: bytes) -> bytes:
        """The body of an answer that the centre signed."""
        name, key = self._identity.name, self._identity.key()
        headers = {
            "Content-Type": "application/octet-stream",
            HEADER: wire.sign(key, name, what, body),
            "User-Agent": "plaza",
        }
        status, answer, answer_headers = self._exchange(f"{wire.PATH}/{name}/{what}", body, headers)
        signature = answer_headers.get(HEADER, "")
        if status == http.client.OK and wire.genuine(key, name, f"{what} answer", answer, signature):
            return answer
        raise _refusal(status, answer_headers.get("Retry-After"))

    def _exchange(
        self, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """One question and its answer, within the deadline. Raises CentreAway."""
        ends_s = time.monotonic() + self._deadline_s
        alarm = Timer(self._deadline_s, self._cut)
        alarm.daemon = True
        alarm.start()
        try:
            connection = self._connected()
            connection.request("POST", self._address.url.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            answer = response.read(wire.LARGEST_ANSWER_OCTETS + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            late = isinstance(error, TimeoutError) or time.monotonic() >= ends_s
            said = "no answer in time" if late else str(error) or type(error).__name__
            raise CentreAway(said) from error
        finally:
            alarm.cancel()
        if len(answer) > wire.LARGEST_ANSWER_OCTETS or response.status != http.client.OK:
            self.close()
        return response.status, answer, response.headers

    def _connected(self) -> http.client.HTTPConnection:
        """The connection that is kept, or another. Raises OSError."""
        kept = self._connection
        if kept is not None and kept.sock is not None and not _is_over(kept.sock):
            return kept
        self.close()
        url, tls = self._address.url, self._address.tls
        host, port = str(url.hostname), url.port or (80 if tls is None else 443)
        connection = self._connection = http.client.HTTPConnection(host, port)
        connection.sock = plain = socket.create_connection((host, port), self._deadline_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            secure = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            connection.sock = secure
            secure.do_handshake()
        return connection

    def _cut(self) -> None:
        """End whatever is being waited for; called from another thread."""
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # ssl's own would unwrap it under a reader


def _is_over(sock: socket.socket) -> bool:
    """Whether the other side has hung up, or says what nobody asked, since the last answer."""
    looking = select.poll()
    looking.register(sock, select.POLLIN)
    return bool(looking.poll(0))


def _answering(kind: type[wire.T], body: bytes, nonce: str) -> wire.T:
    try:
        answer = wire.read(kind, body)
    except wire.WireError as error:
        raise CentreAway(f"its answer is not what is said here: {error}") from None
    if answer.nonce != nonce:
        raise CentreAway("its answer is to another question")
    return answer


def _refusal(status: int, retry_after: str | None) -> CentreAway:
    """Why an answer is none."""
    if status == http.client.OK:
        return CentreAway("its answer is not signed with our token: is that the centre's edge?")
    if status == _TOO_LARGE:
        return BatchTooLarge("it takes less at a time")
    if status == http.client.UNAUTHORIZED:
        return CentreAway("it does not know our name or our token, compare [[pollers]] here and there")
    if status == http.client.NOT_FOUND:
        return CentreAway("it takes nothing from pollers: is that its edge_url, and is there a [[pollers]]?")
    seconds = retry_after if retry_after is not None and retry_after.strip().isdecimal() else None
    return CentreAway(f"it answers with HTTP {status}", None if seconds is None else float(seconds))
