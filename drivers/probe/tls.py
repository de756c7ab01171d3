"""TLS over a connection that the kernel does not know, and what is wrong with a certificate."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509

from drivers.probe.errors import Distrusted, Failed
from drivers.probe.tcp import Connection

T = TypeVar("T")
_EXPIRED, _NOT_YET, _OTHER_NAME = 10, 9, 62  # X509_V_ERR_…
_NOBODYS: Final = frozenset({7, 18, 19, 20, 21})


class Tls:
    """Raises Failed for who speaks no TLS, Distrusted for a bad certificate."""

    def __init__(self, connection: Connection, name: str, trusted: ssl.SSLContext) -> None:
        self._connection = connection
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusted.wrap_bio(self._in, self._out, server_hostname=name)
        self._name = name
        try:
            self._carry(self._tls.do_handshake)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            raise Failed(f"{name} ends the connection instead of speaking TLS") from None

    @property
    def certificate(self) -> x509.Certificate:
        """The server's own. Raises Failed where it shows none that can be read."""
        try:
            return x509.load_der_x509_certificate(self._tls.getpeercert(binary_form=True) or b"")
        except ValueError as error:
            raise Failed(f"the certificate of {self._name} cannot be read: {error}") from None

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
                raise Distrusted(error.verify_message, error.verify_code) from None
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


def believing() -> ssl.SSLContext:
    """Looks at any certificate: to say what is wrong with it, never to send anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def why_distrusted(name: str, error: Distrusted, shown: x509.Certificate) -> str:
    """What is wrong with the certificate that a server showed, for who has to renew it."""
    if error.code == _EXPIRED:
        until = shown.not_valid_after_utc
        if until > datetime.now(UTC):
            return f"a certificate above that of {name} has expired: its server has to send the new ones"
        return f"the certificate of {name} expired on {until:%Y-%m-%d}"
    if error.code == _NOT_YET:
        since = shown.not_valid_before_utc
        return f"the certificate of {name} counts only from {since:%Y-%m-%d}: is a clock wrong?"
    if error.code in _NOBODYS:
        missing = "its own issuer, or a certificate between that its server leaves out"
        return f"nobody whom phones believe vouches for the certificate of {name}: {missing}"
    if error.code == _OTHER_NAME:
        return f"the certificate of {name} is for other names: {_names(shown)}"
    return f"the certificate of {name} is no good: {error}"


def _names(shown: x509.Certificate) -> str:
    try:
        found = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "none at all"
    names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    return ", ".join(names) or "none at all"
