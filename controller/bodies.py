"""Reads the body of a request before its application does, so that slow callers hold no thread of others.

granian (2.8) bounds how long a head may take to arrive, but never a body: a thread that reads one waits until
the last octet came or the connection ended. So there are more threads than may work at once, only so many of
them may wait for a body, from one address only half of these, and one that waits too long loses its
connection as soon as another body wants its place. Pages without a body never wait behind bodies.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from io import BytesIO
from ipaddress import ip_network
from threading import BoundedSemaphore, Condition, get_ident
from typing import Any, Final

from controller.connections import close_stalled

AT_WORK: Final = 4
WAITING: Final = 64
WAITING_EACH: Final = WAITING // 2
THREADS: Final = WAITING + 2 * AT_WORK
"""What granian needs as `blocking_threads`: it makes no more of them than it uses."""

DEADLINE_S: Final = 10.0
SLOW_S: Final = 1.0
"""A body comes with its head or right after it, at 64 kbit/s too."""

LARGEST_OCTETS: Final = 65_536
"""No application of ours takes more; what is announced as larger is not read, so that it can be refused."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
BUSY: Final = b"Espera un momento y vuelve a intentar.\nWait a moment and try again.\n"


class Patient:
    """A WSGI application (PEP 3333) that is called when its request is here in full."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._at_work = BoundedSemaphore(AT_WORK)
        self._bodies = Bodies()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            return _refused(HTTPStatus.LENGTH_REQUIRED, start_response)
        length = str(environ.get("CONTENT_LENGTH") or "0")
        expected = int(length) if len(length) <= 6 and length.isdecimal() else LARGEST_OCTETS + 1
        body = b"" if expected > LARGEST_OCTETS else self._bodies.read(environ, expected)
        if body is None:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, start_response)
        if len(body) < expected <= LARGEST_OCTETS:
            return _refused(HTTPStatus.BAD_REQUEST, start_response)  # to nobody: its caller is gone
        environ["wsgi.input"] = BytesIO(body)
        with self._at_work:
            return self.application(environ, start_response)


def in_full(make: Callable[[], Application]) -> Callable[[], Patient]:
    """A factory of an application as one of an application that is called with requests in full."""
    return lambda: Patient(make())


class Bodies:
    """Who waits for a body now: from where, and since when."""

    def __init__(self, deadline_s: float = DEADLINE_S, slow_s: float = SLOW_S) -> None:
        self._deadline_s = deadline_s
        self._slow_s = slow_s
        self._waiting: dict[int, tuple[str, float]] = {}
        self._changed = Condition()

    def read(self, environ: dict[str, Any], octets: int) -> bytes | None:
        """The body, shorter where its caller went; None where too many wait already."""
        if not octets:
            return b""
        if not self._entered(str(environ.get("REMOTE_ADDR", "")), int(environ["SERVER_PORT"])):
            return None
        try:
            body: bytes = environ["wsgi.input"].read(octets)
        finally:
            self._left()
        return body

    def _entered(self, address: str, port: int) -> bool:
        caller = _network(address)
        with self._changed:
            if self.is_full(caller):
                self._make_room(caller, port)
            if self.is_full(caller):
                return False
            self._waiting[get_ident()] = caller, time.monotonic()
        return True

    def _left(self) -> None:
        with self._changed:
            del self._waiting[get_ident()]
            self._changed.notify_all()

    def _make_room(self, caller: str, port: int) -> None:
        """Wait for those who are quick; but of the slow only who had his time gives way."""
        if any(self._older_than(self._deadline_s)):
            close_stalled(port, self._deadline_s)
        elif self.is_full(caller, self._slow_s):
            return
        self._changed.wait_for(lambda: not self.is_full(caller), timeout=self._slow_s)

    def is_full(self, caller: str, older_s: float = 0.0) -> bool:
        """Whether there is no place for another of this caller because of those who wait so long already."""
        found = list(self._older_than(older_s))
        return len(found) >= WAITING or found.count(caller) >= WAITING_EACH

    def _older_than(self, seconds: float) -> Iterator[str]:
        now = time.monotonic()
        return (caller for caller, since in self._waiting.values() if now - since >= seconds)


def _network(address: str) -> str:
    """Whom an address stands for: an IPv6 one is one of the 2^64 that its caller may choose from."""
    return str(ip_network((address, 64), strict=False)) if ":" in address else address


def _refused(status: HTTPStatus, start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BUSY)))]
    start_response(f"{status.value} {status.phrase}", [*headers, ("Cache-Control", "no-store")])
    return [BUSY]
