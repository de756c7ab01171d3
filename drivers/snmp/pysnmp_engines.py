"""One pysnmp engine per credential, replaced when an agent it knew has got another engineID."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pysnmp.hlapi.v3arch.asyncio import CommunityData, SnmpEngine, UsmUserData
from pysnmp.hlapi.v3arch.asyncio import auth as usm
from pysnmp.proto import errind

from drivers.model import SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3

_RENEWAL_S: Final = 30.0

AUTH_PROTOCOLS: Final = {
    "none": usm.USM_AUTH_NONE,
    "md5": usm.USM_AUTH_HMAC96_MD5,
    "sha1": usm.USM_AUTH_HMAC96_SHA,
    "sha224": usm.USM_AUTH_HMAC128_SHA224,
    "sha256": usm.USM_AUTH_HMAC192_SHA256,
    "sha384": usm.USM_AUTH_HMAC256_SHA384,
    "sha512": usm.USM_AUTH_HMAC384_SHA512,
}
PRIV_PROTOCOLS: Final = {
    "none": usm.USM_PRIV_NONE,
    "des": usm.USM_PRIV_CBC56_DES,
    "aes128": usm.USM_PRIV_CFB128_AES,
    "aes192": usm.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": usm.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "aes192c": usm.USM_PRIV_CFB192_AES,
    "aes256c": usm.USM_PRIV_CFB256_AES,
}

AUTH_ERRORS: Final = (
    errind.AuthenticationError,
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnknownSecurityName,
    errind.UnknownUserName,
    errind.UnsupportedAuthProtocol,
    errind.UnsupportedPrivProtocol,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)


class UnknownProtocol(Exception):
    """The credential names an authentication or privacy protocol that pysnmp lacks."""


@dataclass(slots=True, eq=False)
class Session:
    """An engine, how it authenticates, and the devices that have answered it."""

    engine: Any
    auth: Any
    peers: set[str] = field(default_factory=set)
    renewed_at: float = float("-inf")


class Engines:
    """Sessions by credential. pysnmp keeps an agent's engineID for ever and goes deaf when it changes (a
    replaced device, an snmpd without persistent storage); only a new engine asks for it again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sessions: dict[SnmpCredentials, Session] = {}
        self._retired: list[Session] = []

    def session(self, credentials: SnmpCredentials) -> Session:
        """The engine in use. Raises UnknownProtocol."""
        session = self._sessions.get(credentials)
        if session is None:
            session = self._sessions[credentials] = _new(credentials)
        return session

    def renew(self, credentials: SnmpCredentials, device: str) -> Session | None:
        """A fresh engine for a device that answered before and no more, one per half minute; or None."""
        old = self.session(credentials)
        due = self._clock() - old.renewed_at >= _RENEWAL_S
        if not isinstance(credentials, SnmpV3) or device not in old.peers or not due:
            return None
        old.renewed_at = self._clock()
        old.peers.discard(device)
        return _new(credentials)

    def adopt(self, credentials: SnmpCredentials, fresh: Session) -> None:
        """The fresh engine was answered: everybody moves to it."""
        while self._retired:
            _close(self._retired.pop())  # retired half a minute ago at least: no poll is in it
        fresh.renewed_at = self._clock()
        self._retired.append(self._sessions[credentials])
        self._sessions[credentials] = fresh

    def discard(self, fresh: Session) -> None:
        """The fresh engine was not answered either: the device is dead."""
        _close(fresh)

    def close(self) -> None:
        """Release all sockets."""
        for session in (*self._sessions.values(), *self._retired):
            _close(session)
        self._sessions.clear()
        self._retired.clear()


def _new(credentials: SnmpCredentials) -> Session:
    return Session(SnmpEngine(), auth_data(credentials))


def _close(session: Session) -> None:
    if session.engine.transport_dispatcher is not None:
        session.engine.close_dispatcher()


def auth_data(credentials: SnmpCredentials) -> Any:
    """How pysnmp authenticates. Raises UnknownProtocol."""
    if isinstance(credentials, SnmpV1 | SnmpV2c):
        model = 0 if isinstance(credentials, SnmpV1) else 1
        return CommunityData(credentials.community.reveal(), mpModel=model)  # what the agent speaks
    try:
        protocols = {
            "authProtocol": AUTH_PROTOCOLS[credentials.auth_protocol],
            "privProtocol": PRIV_PROTOCOLS[credentials.priv_protocol],
        }
    except KeyError as error:
        raise UnknownProtocol(f"pysnmp has no protocol {error}") from error
    auth_key = credentials.auth_key.reveal() if credentials.auth_key else None
    priv_key = credentials.priv_key.reveal() if credentials.priv_key else None
    return UsmUserData(credentials.user, auth_key, priv_key, **protocols)
