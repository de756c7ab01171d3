"""HTTPS to the controller of a site's gateways, which can neither pose as another, lead us on nor keep us.

The server is proved before a word is said: by the public authorities, or by its pinned certificate. What goes
wrong is GatewayFailed, in words that hold no address of a phone, no secret and nothing that a server wrote.
"""

import hashlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from captive_portal.errors import GatewayFailed
from captive_portal.model import Wiring

ACT_S: Final = 10.0
"""All of one act, its logins and repeats included: a citizen waits. The look-up of a name is the system's."""
LIST_S: Final = 60.0
"""The same where nobody waits: for the lists of an accounting run."""
CONNECT_S: Final = 4.0
"""One address of the controller; a name may have several."""
MAX_OCTETS: Final = 8 * 1024 * 1024
"""One answer."""
HTTPS_PORT: Final = 443
_NO_ADDRESS: Final = "its api_url is no https address"
_TOLD: Final = {"User-Agent": "plaza", "Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a controller said; `csrf` is the token that UniFi OS wants back with each command."""

    status: int
    csrf: str = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """How a kind of controller lets us in, and by which answers it says that we are out again."""

    enter: Callable[["Line"], None]
    is_over: Callable[[Reply], bool]


class Line:
    """One act with one controller under one login; a context manager that enters and closes.

    `headers` go with every question and hold secrets, as the cookies do that the controller sets.
    """

    def __init__(self, wiring: Wiring, entry: Entry, within_s: float = ACT_S) -> None:
        """Raises GatewayFailed where the address of the controller is none."""
        self.wiring = wiring
        self.headers: dict[str, str] = {}
        self._entry = entry
        self._entered_twice = False
        self._cookies: dict[str, str] = {}
        address = self._address()
        self._base = address.path.rstrip("/")
        self._connection = _Connection(wiring, address, time.monotonic() + within_s)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object in the answer to a question that changes nothing. Raises GatewayFailed."""
        return self.said(self.ask("GET", path))

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object in the answer to a command. Raises GatewayFailed."""
        return self.said(self.ask("POST", path, body))

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """The answer, whatever its status; after one new login where the old one was over.

        An answer that we are out did nothing, so the question may be put again. Raises GatewayFailed.
        """
        reply = self.send(method, path, body)
        if self._entered_twice or not self._entry.is_over(reply):
            return reply
        self._entered_twice = True
        self._cookies.clear()
        self._entry.enter(self)
        return self.send(method, path, body)

    def send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """The answer under the login as it is. A GET is sent again once when the line breaks, a POST never.

        Raises GatewayFailed.
        """
        octets = None if body is None else json.dumps(body).encode()
        tries = 2 if method == "GET" else 1
        while True:
            tries -= 1
            try:
                return self._exchange(method, path, octets)
            except OSError as error:
                if not tries or isinstance(error, TimeoutError | ssl.SSLCertVerificationError):
                    raise self.failed(_broken(error)) from error
            except http.client.HTTPException as error:
                if not tries:
                    raise self.failed(f"no HTTP with it: {type(error).__name__}") from None
            except (ValueError, UnicodeError):  # the text would hold the path or a header
                raise self.failed("what it has to be told fits in no HTTP header") from None

    def good(self, reply: Reply) -> Reply:
        """The same reply when its status is 200. Raises GatewayFailed."""
        if reply.status in (401, 403):
            raise self.refused()
        if 300 <= reply.status < 400:
            raise self.failed(f"it redirects us (HTTP {reply.status}), which we never follow")
        if reply.status != 200:
            raise self.failed(f"it answers with HTTP {reply.status}")
        return reply

    def said(self, reply: Reply) -> dict[str, Any]:
        """The JSON object in a good reply. Raises GatewayFailed."""
        try:
            told = json.loads(self.good(reply).body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise self.failed("its answer is no JSON object")
        return told

    def failed(self, reason: str) -> GatewayFailed:
        """The error of this site's controller."""
        return GatewayFailed(self.wiring.site, f"controller: {reason}")

    def refused(self) -> GatewayFailed:
        """The error of a login, or of its rights, that were not accepted."""
        return self.failed("it refuses our login: check user, secret and rights of this site's gateway")

    def _address(self) -> SplitResult:
        try:
            address = urlsplit(self.wiring.api_url)
            good = address.scheme == "https" and bool(address.hostname) and address.port != 0
        except ValueError as error:
            raise self.failed(_NO_ADDRESS) from error
        if not good:
            raise self.failed(_NO_ADDRESS)
        return address

    def _exchange(self, method: str, path: str, body: bytes | None) -> Reply:
        headers = {**_TOLD, **self.headers}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/json"
        response, octets = self._connection.exchange(method, self._base + path, body, headers)
        if len(octets) > MAX_OCTETS:
            raise self.failed(f"its answer is longer than {MAX_OCTETS} octets")
        for told in response.headers.get_all("Set-Cookie", ()):
            name, _, value = told.partition(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip()
        return Reply(response.status, response.headers.get("X-CSRF-Token", ""), octets)

    def __enter__(self) -> Self:
        try:
            self._entry.enter(self)
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over a TLS socket whose server was proved; whenever it is opened anew, it is proved anew."""

    def __init__(self, wiring: Wiring, address: SplitResult, ends_s: float) -> None:
        super().__init__(address.hostname or "", address.port or HTTPS_PORT)
        self._wiring = wiring
        self._ends_s = ends_s

    def connect(self) -> None:
        """Open the socket. Raises OSError, GatewayFailed."""
        patience_s = min(_left_s(self._ends_s), CONNECT_S)
        plain = socket.create_connection((self.host, self.port), patience_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = _context(self._wiring.fingerprint).wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
        except BaseException:
            plain.close()
            raise
        self.sock = secure
        secure.ends_s = self._ends_s  # type: ignore[attr-defined]
        secure.settimeout(_left_s(self._ends_s))
        secure.do_handshake()
        self._prove(secure)

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One question and its answer with no more of its body than says that it is too long."""
        try:
            self.request(method, path, body, dict(headers))
            response = self.getresponse()
            return response, response.read(MAX_OCTETS + 1)
        except BaseException:
            self.close()
            raise

    def _prove(self, secure: ssl.SSLSocket) -> None:
        pinned = self._wiring.fingerprint
        shown = hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
        if pinned and shown != _digits(pinned):
            raise GatewayFailed(
                self._wiring.site, "controller: it shows another certificate than the one that is pinned"
            )


class _Bounded(ssl.SSLSocket):
    """A TLS socket on which every wait ends with the act, however slowly the other side drips."""

    ends_s: float

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """What has come. Raises TimeoutError."""
        self.settimeout(_left_s(self.ends_s))
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        """How much has gone. Raises TimeoutError."""
        self.settimeout(_left_s(self.ends_s))
        return super().send(data, flags)


def _context(fingerprint: str) -> ssl.SSLContext:
    if fingerprint:
        # the pin says more than a name and an authority: it is compared before a word is said
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context()
    context.sslsocket_class = _Bounded
    return context


def _broken(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it gives no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified: {error.verify_message}"
    return f"no HTTPS with it: {error.strerror or 'it was cut off'}"


def _digits(fingerprint: str) -> str:
    return fingerprint.replace(":", "").strip().lower()


def _left_s(ends_s: float) -> float:
    left = ends_s - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
