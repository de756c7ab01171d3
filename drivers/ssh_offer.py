"""Asks an SSH server whether it would accept a public key, without having the private one (RFC 4252, 7)."""

import base64
import threading
from typing import Any, Final

import paramiko
from paramiko import auth_handler
from paramiko.common import MSG_USERAUTH_INFO_REQUEST, cMSG_USERAUTH_REQUEST
from paramiko.message import Message

_PK_OK: Final = MSG_USERAUTH_INFO_REQUEST  # both are 60; which it is, the method that was asked for tells
_ALGORITHMS: Final = {"ssh-rsa": ("rsa-sha2-512", "ssh-rsa")}  # RFC 8332: one key, several signatures


def accepts(transport: paramiko.Transport, user: str, line: str, timeout_s: float) -> bool:
    """Whether `user` may log in with the key of this line of authorized_keys.

    `transport` is started and nobody is logged in over it. Raises paramiko.SSHException when it is lost or
    time is up.
    """
    kind, encoded = line.split(" ")[:2]
    return any(
        _asked(transport, user, name, base64.b64decode(encoded), timeout_s)
        for name in _ALGORITHMS.get(kind, (kind,))
    )


def _asked(transport: paramiko.Transport, user: str, algorithm: str, blob: bytes, timeout_s: float) -> bool:
    offer = _Offer(transport, user, algorithm, blob)
    transport.auth_handler = offer
    offer.begin()
    if not offer.answered.wait(timeout_s):
        raise paramiko.SSHException("timed out")
    if offer.accepted is None:
        raise transport.get_exception() or paramiko.SSHException("saw EOF")
    return offer.accepted


_AuthHandler: Any = auth_handler.AuthHandler  # its stubs leave out what is not for everybody


class _Offer(_AuthHandler):  # type: ignore[misc]
    """The first half of a login by public key; the second, the signature, never comes."""

    def __init__(self, transport: Any, user: str, algorithm: str, blob: bytes) -> None:
        super().__init__(transport)
        self.auth_method = "publickey"
        self.username = user
        self.accepted: bool | None = None
        self.answered = self.auth_event = threading.Event()
        self._algorithm = algorithm
        self._blob = blob

    def begin(self) -> None:
        """Ask for the service; the question follows its answer."""
        self._request_auth()

    def abort(self) -> None:
        """The line was lost."""
        self.answered.set()

    def _parse_service_accept(self, _message: Any) -> None:
        request = Message()
        request.add_byte(cMSG_USERAUTH_REQUEST)
        for text in (self.username, "ssh-connection", "publickey"):
            request.add_string(text)
        request.add_boolean(False)
        request.add_string(self._algorithm)
        request.add_string(self._blob)
        self.transport._send_message(request)

    def _parse_userauth_failure(self, message: Any) -> None:
        self.accepted = False
        super()._parse_userauth_failure(message)

    def _parse_userauth_info_request(self, _message: Any) -> None:
        self.accepted = True
        self.answered.set()
