"""HTTPS to devices and controllers: the server is proved before a word is said, no redirect is followed.

Everything is bounded: the time of the whole line, the octets of each answer, the tries of each question.
"""

import hashlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Timer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from drivers.errors import AuthFailed, HostKeyChanged, HostKeyUnknown, UnexpectedReply, Unreachable
from drivers.model import Device

MAX_OCTETS: Final = 8 * 1024 * 1024
_TRY_S: Final = 8.0
_RAW_OCTETS: Final = 2000
_AGENT: Final = {"User-Agent": "plaza", "Accept": "application/json", "Accept-Encoding": "identity"}
_LATER: Final = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; the body may hold secrets. `cookies` are `name=value`, as they are sent back."""

    status: int
    cookies: Sequence[str] = field(repr=False)
    body: bytes = field(repr=False)


class Line:
    """One HTTPS connection to a device; a context manager that closes it. After `deadline_s` it is cut.

    `headers` go with every question: they prove who we are, so they have no place in an error or a log.
    `base` stands before every path.
    """

    def __init__(self, device: Device, deadline_s: float) -> None:
        self.device = device
        self.headers: dict[str, str] = {}
        self.base = ""
        self._ends_s = time.monotonic() + deadline_s
        self._connection = _Connection(device, self._left_s)
        self._alarm = Timer(deadline_s, self._connection.cut)
        self._alarm.daemon = True

    def get(self, path: str, **query: object) -> Any:
        """The JSON of an answer; asked again once when the line breaks.

        Raises AuthFailed (401, 403), Unreachable, HostKeyChanged, HostKeyUnknown or UnexpectedReply.
        """
        return self.json(self.good(self.look(_with(path, query))))

    def offered(self, path: str) -> Any | None:
        """Like `get`; None when the device has nothing there (400 of RouterOS, 404)."""
        answer = self.look(path)
        return None if answer.status in (400, 404) else self.json(self.good(answer))

    def look(self, path: str) -> Answer:
        """The answer to a GET, whatever its status."""
        try:
            return self._send("GET", path, None, {})
        except Unreachable:
            if self._left_s() <= 0:
                raise
        return self._send("GET", path, None, {})

    def post(self, path: str, body: object, **headers: str) -> Any:
        """The JSON of an answer to a POST that changes nothing. Raises like `get`; never sent twice."""
        return self.json(self.good(self.hand_over(path, body, **headers)))

    def hand_over(self, path: str, body: object, **headers: str) -> Answer:
        """The answer to a POST, whatever its status; a text is sent as a form, all else as JSON."""
        form = isinstance(body, str)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        octets = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return self._send("POST", path, octets, {"Content-Type": kind, **headers})

    def refused(self, hint: str = "") -> AuthFailed:
        """The error of a login that was not accepted."""
        named = f"check credentials {self.device.http_credentials!r}"
        return AuthFailed(self.device.name, "it refused our login over HTTPS", hint or named)

    def unexpected(self, reason: str, raw: str = "") -> UnexpectedReply:
        """The error of an answer that nobody can read."""
        return UnexpectedReply(self.device.name, reason, raw[:_RAW_OCTETS])

    def good(self, answer: Answer) -> Answer:
        """The same answer when its status is 200. Raises like `get`."""
        status = answer.status
        if status in (401, 403):
            raise self.refused()
        if status in _LATER:
            raise Unreachable(self.device.name, f"it asks us to come again later (HTTP {status})")
        if 300 <= status < 400:
            raise self.unexpected(f"it redirects us (HTTP {status}), which we never follow")
        if status != 200:
            raise self.unexpected(f"it answers with HTTP {status}", answer.body.decode("utf-8", "replace"))
        return answer

    def json(self, answer: Answer) -> Any:
        """What the answer says. Raises UnexpectedReply when it is no JSON."""
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self.unexpected("its answer is no JSON") from None  # the text may hold a token

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            return self._connection.exchange(
                method, self.base + path, body, {**_AGENT, **self.headers, **headers}
            )
        except ssl.SSLCertVerificationError as error:
            raise _unverified(self.device, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from error
        except (ValueError, UnicodeError):
            raise self.refused("it holds characters that no HTTP header may carry") from None

    def _broken(self, error: Exception) -> Unreachable:
        late = isinstance(error, TimeoutError) or self._left_s() <= 0
        said = "no answer in time" if late else str(error) or type(error).__name__
        return Unreachable(
            self.device.name, f"no HTTPS at {self.device.http}: {said}", "check power and address"
        )

    def _left_s(self) -> float:
        return self._ends_s - time.monotonic()

    def __enter__(self) -> Self:
        self._alarm.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarm.cancel()
        self._connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket whose server was proved; whenever it has to be opened anew, it is proved anew."""

    def __init__(self, device: Device, left_s: Any) -> None:
        super().__init__(device.trust.server_name or device.http.host, device.http.port)
        self._device = device
        self._left_s = left_s

    def connect(self) -> None:
        """Open the socket. Raises OSError, HostKeyChanged."""
        there = (self._device.http.host, self._device.http.port)
        plain = socket.create_connection(there, self._patience_s())
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = secure = _secured(self._device, plain)
        secure.do_handshake()
        _prove(self._device, secure)

    def exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """One question, one answer; the line is closed when that fails."""
        try:
            if self.sock is None:
                self.connect()
            self.sock.settimeout(self._patience_s())
            self.request(method, path, body, dict(headers))
            return self._answer()
        except BaseException:
            self.close()
            raise

    def cut(self) -> None:
        """End whatever is being waited for; called from another thread."""
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(
                    self.sock, socket.SHUT_RDWR
                )  # ssl's own would unwrap it under a reader

    def _answer(self) -> Answer:
        response = self.getresponse()
        body = response.read(MAX_OCTETS + 1)
        if len(body) > MAX_OCTETS:
            raise UnexpectedReply(self._device.name, f"its answer is longer than {MAX_OCTETS} octets")
        cookies = [told.partition(";")[0].strip() for told in response.headers.get_all("Set-Cookie", ())]
        return Answer(response.status, cookies, body)

    def _patience_s(self) -> float:
        left = float(self._left_s())
        if left <= 0:
            raise TimeoutError
        return min(left, _TRY_S)


def _secured(device: Device, plain: socket.socket) -> ssl.SSLSocket:
    """A TLS socket before its handshake. Raises HostKeyUnknown."""
    name = device.trust.server_name or device.http.host
    try:
        return _context(device).wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    except (ValueError, HostKeyUnknown) as error:
        plain.close()
        if isinstance(error, HostKeyUnknown):
            raise
        raise HostKeyUnknown(device.name, f"{name!r} is no name of a server", "mend `server_name`") from error


def _prove(device: Device, secure: ssl.SSLSocket) -> None:
    """Raises HostKeyChanged when the server is not the one that was pinned."""
    shown = hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
    pinned = device.trust.fingerprint
    if pinned and shown != pinned:
        raise HostKeyChanged(
            device.name,
            f"it shows the certificate SHA256:{shown}, pinned is SHA256:{pinned}",
            "somebody may stand in between; if it was renewed, write the new `http: {fingerprint: …}`",
        )


def _context(device: Device) -> ssl.SSLContext:
    if device.trust.fingerprint:
        pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.check_hostname = False  # the pin says more than any name: it is compared before a word is said
        pinned.verify_mode = ssl.CERT_NONE
        return pinned
    try:
        return ssl.create_default_context(cafile=device.trust.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        named = f"the file {device.trust.ca_file} of `http: {{ca: …}}` holds no certificates we can read"
        raise HostKeyUnknown(device.name, named, "write PEM certificates there") from error


def _unverified(device: Device, error: ssl.SSLCertVerificationError) -> HostKeyUnknown:
    at = f"{device.http.host}:{device.http.port}"
    return HostKeyUnknown(
        device.name,
        f"its certificate cannot be verified: {error.verify_message or error.reason}",
        "from a network you trust, pin what `openssl s_client -connect "
        f"{at} </dev/null | openssl x509 -noout -fingerprint -sha256` prints, as `http: {{fingerprint: …}}`",
    )


def _with(path: str, query: Mapping[str, object]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
