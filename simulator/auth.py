"""Logins by key: devices that keep keys of their own, and kinds of key that paramiko does not know."""

from typing import Any, Final, Protocol, runtime_checkable

import paramiko
from paramiko import auth_handler

_AuthHandler: Final[Any] = auth_handler.AuthHandler  # its stubs leave out what is not for everybody


@runtime_checkable
class KeepsKeys(Protocol):
    """A vendor's device whose configuration says who may log in by key."""

    def lets_in(self, user: str, key: paramiko.PKey) -> bool:
        """Whether `user` may log in with this public key."""
        ...

    def keys_only(self, user: str) -> bool:
        """Whether `user` may not log in by password."""
        ...


class KeyKinds(_AuthHandler):  # type: ignore[misc]
    """Judges every key by its octets; paramiko's own hangs up where a device's server would only say no."""

    def _generate_key_from_request(self, algorithm: str, keyblob: bytes) -> paramiko.PKey:
        known: paramiko.PKey | None = super()._generate_key_from_request(algorithm, keyblob)
        return known or _Unread(keyblob)


class _Unread(paramiko.PKey):
    """A key that may be in a list, and whose signatures nobody here can check: they are no login."""

    def __init__(self, octets: bytes) -> None:
        super().__init__()
        self._octets = octets

    def asbytes(self) -> bytes:
        return self._octets

    def verify_ssh_sig(self, data: bytes, msg: paramiko.Message) -> bool:
        return False
