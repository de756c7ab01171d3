"""One HTTP exchange in bounded time and memory: the whole of it has a deadline, an answer has a limit."""

import base64
import math
import re
import socket
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

_WORDS: Final = 4_096
_SHOWN: Final = 300
_LONGEST_LINE: Final = 8 * 2**20
_SHORTEST_SECRET: Final = 4  # a shorter one is part of any word


class Answered(Exception):
    """The server answered something else than what was asked for; `words` are its own, on one line."""

    def __init__(self, status: int, reason: str, words: str, retry_after: str | None = None) -> None:
        self.status = status
        self.retry_after_s = _seconds(retry_after)
        self.told = f"{status} {reason}: {words}".rstrip(": ")
        super().__init__(self.told)


class TooSlow(Exception):
    """No whole answer before the deadline."""


class Garbage(Exception):
    """An answer that no server of this kind gives."""


class Deadline:
    """Ends an exchange in whichever phase it hangs: shaking hands, sending, reading the head or the body.

    A socket's own timeout begins anew with every octet. The connection is therefore shut down from outside,
    over a descriptor of our own: that of the connection changes hands when TLS begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._connection: HTTPConnection | None = None
        self._timer: threading.Timer | None = None
        self._passed = False

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Raises TooSlow when what is done inside takes longer, whatever else that gave."""
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        with self._lock:
            self._timer, self._passed = timer, False
        timer.start()
        try:
            yield
        except Exception as error:
            if self._over():
                raise TooSlow(f"no whole answer within {seconds:g} s") from error
            raise
        if self._over():  # an answer without a length looks whole when it is cut
            raise TooSlow(f"no whole answer within {seconds:g} s")

    def watch(self, connection: HTTPConnection, opened: socket.socket) -> socket.socket:
        """Hold the newest connection. Raises TimeoutError when the deadline has passed already."""
        with self._lock:
            self._forget()
            if self._passed:
                opened.close()
                raise TimeoutError
            self._connection, self._socket = connection, opened.dup()
        return opened

    def _end(self) -> None:
        with self._lock:
            if threading.current_thread() is self._timer:
                self._passed = True
                if self._socket is not None:
                    with suppress(OSError):
                        self._socket.shutdown(socket.SHUT_RDWR)

    def _over(self) -> bool:
        """End the exchange; answer whether it was too late."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if self._connection is None or self._connection.sock is None or self._passed:
                self._forget()
            return self._passed

    def _forget(self) -> None:
        """Our descriptor would hold a connection open that everybody else has closed."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._connection = None


def pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    """What urllib3 is to make connections of: each is watched, and raises Answered for all but a 2xx.

    So no redirect is followed, and of an error no more is read than the words that are shown.
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watch(self, super()._new_conn())

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
            return _successful(super().getresponse())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watch(self, super()._new_conn())

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
            return _successful(super().getresponse())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _successful(response: HTTPResponse) -> HTTPResponse:
    if 200 <= response.status < 300:
        return response
    raise answered(response)


def answered(response: HTTPResponse) -> Answered:
    """The answer as an error, with the beginning of what it says."""
    words = b""
    with suppress(HTTPError, OSError):
        words = response.read(_WORDS)
    shown = re.sub(r"[\s\x00-\x1f\x7f]+", " ", words.decode(errors="replace")).strip()[:_SHOWN]
    return Answered(response.status, response.reason or "", shown, response.headers.get("Retry-After"))


def gzipped(body: bytes) -> bytes:
    """Level 1: 6 gives a tenth less and takes thrice as long."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of an answer as they come. Raises Garbage for one that is too long to be any."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise Garbage(f"a line of more than {_LONGEST_LINE} octets")
    if rest:
        yield rest


def clean(error: BaseException) -> str:
    """urllib3 names the whole URL in its texts: what the system or TLS says, or the kind, is enough."""
    inner = getattr(error, "reason", None)
    found = inner if isinstance(inner, BaseException) else error
    if "SSL" not in type(found).__name__:
        system = found.__cause__ if isinstance(found, NewConnectionError) else None
        said_so = system.strerror if isinstance(system, OSError) else None
        return said_so.lower() if said_so else type(found).__name__
    said = re.search(r"(certificate verify failed[^()]*|\[(?:SSL|Errno)[^]]*\] [^()']*)", str(found))
    return f"TLS: {said[1].strip() if said else type(found).__name__}"


def without(token: str, words: str) -> str:
    """A server's words with the token, or the password in it, left out: some repeat what they were sent."""
    basic = base64.b64encode(token.encode()).decode()
    for secret in (token, basic, token.partition(":")[2]):
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "…")
    return words


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 10.2.3: seconds or a date."""
    if retry_after is None:
        return None
    with suppress(ValueError):
        seconds = float(retry_after)
        return seconds if math.isfinite(seconds) else None
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
