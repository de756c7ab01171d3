"""The way to the controller's edge: one HTTP call at a time, over TLS that is resumed."""

import http.client
import ssl
from typing import Final, Protocol
from urllib.parse import urlsplit

from captive_portal.gateway import signed
from captive_portal.gateway.errors import ControllerAway

TIMEOUT_S: Final = 20
ANSWER_OCTETS: Final = 1024 * 1024
NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: name and chain of the edge's certificate are checked, its dates are not, because
this machine may believe it is 1970; what is said is signed with the site's key besides."""


class Edge(Protocol):
    """Where the controller listens."""

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        """The body and the signature of the answer. Raises ControllerAway."""
        ...


class HttpEdge:
    """The edge behind a URL, `EDGE_URL/gw/SITE/sync`; no proxy, no redirect. For one thread."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context()
        self._tls.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
        self._resumed: ssl.SSLSession | None = None

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        """One call. Raises ControllerAway."""
        connection = self._connection()
        try:
            connection.putrequest("POST", self._url.path, skip_accept_encoding=True)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader(signed.HEADER, signature)
            connection.endheaders(body)
            if isinstance(connection.sock, ssl.SSLSocket):
                before_answer = connection.sock
                response = connection.getresponse()
                self._resumed = before_answer.session
            else:
                response = connection.getresponse()
            answer = response.read(ANSWER_OCTETS)
        except (OSError, http.client.HTTPException) as error:
            self._resumed = None
            raise ControllerAway(f"no answer: {type(error).__name__}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ControllerAway(f"the edge answered {response.status}")
        return answer, response.getheader(signed.HEADER, "")

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return _Resuming(host, port, self._tls, self._resumed)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


class _Resuming(http.client.HTTPConnection):
    """HTTPS that goes on with an earlier session of TLS: no certificate travels again, some 3 kB less."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self, host: str, port: int | None, tls: ssl.SSLContext, session: ssl.SSLSession | None
    ) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._tls = tls
        self._session = session

    def connect(self) -> None:
        """Raises OSError."""
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host, session=self._session)
