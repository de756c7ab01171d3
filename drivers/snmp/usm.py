"""Keys, digests and ciphers of the user-based security model (RFC 3414, RFC 3826, RFC 7860)."""

import hashlib
import hmac
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
    except ImportError:  # cryptography before 47 keeps them in the old place
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES  # type: ignore[no-redef,attr-defined,unused-ignore]
        from cryptography.hazmat.primitives.ciphers.modes import CFB  # type: ignore[no-redef,attr-defined,unused-ignore]

from drivers.model import Secret, SnmpV3

AUTH_OCTETS: Final = MappingProxyType(
    {"md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}
)
"""hashlib's name of each protocol → how many octets of its HMAC travel (RFC 3414 §6.3.1, RFC 7860 §4.1)."""

_PASSPHRASE_OCTETS: Final = 1 << 20  # RFC 3414 §A.2


class UnusableUser(ValueError):
    """The credential cannot be used as it is; the text says why and holds no key."""


class Cipherer(Protocol):
    """Encrypts and decrypts scoped PDUs. `clock` is engineBoots and engineTime, four octets each."""

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """Ciphertext and msgPrivacyParameters; `salt` must never come twice."""
        ...

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """Plaintext, rubbish when the key is another. Raises ValueError when these are no such octets."""
        ...


class Aes:
    """CFB128-AES with a key of 16, 24 or 32 octets (RFC 3826 §3.1.4)."""

    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        self._algorithm = AES(key)

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """See Cipherer."""
        parameters = salt.to_bytes(8, "big")
        return Cipher(self._algorithm, CFB(clock + parameters)).encryptor().update(plain), parameters

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """See Cipherer."""
        return Cipher(self._algorithm, CFB(clock + parameters)).decryptor().update(secret)


class Des:
    """CBC-DES (RFC 3414 §8); one DES is triple DES with three equal keys."""

    __slots__ = ("_algorithm", "_mask")

    def __init__(self, key: bytes) -> None:
        self._algorithm = TripleDES(key[:8] * 3)
        self._mask = int.from_bytes(key[8:16], "big")

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """See Cipherer."""
        parameters = clock[:4] + (salt & 0xFFFFFFFF).to_bytes(4, "big")
        padded = plain + bytes(-len(plain) % 8)
        return Cipher(self._algorithm, self._mode(parameters)).encryptor().update(padded), parameters

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """See Cipherer."""
        decryptor = Cipher(self._algorithm, self._mode(parameters)).decryptor()
        return decryptor.update(secret) + decryptor.finalize()

    def _mode(self, parameters: bytes) -> CBC:
        return CBC((self._mask ^ int.from_bytes(parameters, "big")).to_bytes(8, "big"))


@dataclass(frozen=True, slots=True)
class Keys:
    """What one user shares with one engine."""

    auth_key: bytes
    auth_protocol: str
    digest_octets: int
    cipherer: Cipherer | None

    def digest(self, message: bytes) -> bytes:
        """msgAuthenticationParameters of a message whose own field is zeros."""
        return hmac.digest(self.auth_key, message, self.auth_protocol)[: self.digest_octets]


def check(user: SnmpV3) -> None:
    """Raises UnusableUser: a protocol nobody knows, a key that is missing or too short."""
    _known("authentication", user.auth_protocol, AUTH_OCTETS, user.auth_key)
    _known("privacy", user.priv_protocol, _PRIVACY, user.priv_key)
    if user.priv_protocol != "none" and user.auth_protocol == "none":
        raise UnusableUser("privacy needs authentication (RFC 3414)")


def localized(user: SnmpV3, engine_id: bytes) -> Keys:
    """The user's keys at one engine. Raises UnusableUser."""
    check(user)
    protocol = user.auth_protocol
    if protocol == "none" or user.auth_key is None:
        return Keys(b"", "", 0, None)
    own = _localize(protocol, user.auth_key.reveal().encode(), engine_id)
    cipherer = None
    if user.priv_protocol != "none" and user.priv_key is not None:
        passphrase = user.priv_key.reveal().encode()
        cipherer = _PRIVACY[user.priv_protocol](protocol, passphrase, engine_id)
    return Keys(own, protocol, AUTH_OCTETS[protocol], cipherer)


def _known(what: str, protocol: str, known: object, key: Secret | None) -> None:
    if protocol == "none":
        return
    if protocol not in known:  # type: ignore[operator]
        raise UnusableUser(f"no {what} protocol is called {protocol!r}")
    if key is None or len(key.reveal().encode()) < 8:
        raise UnusableUser(f"the {what} key has fewer than 8 octets (RFC 3414 §11.2)")


def _key_of_passphrase(protocol: str, passphrase: bytes) -> bytes:
    """Ku: a hash over a mebioctet."""
    repeated = passphrase * (_PASSPHRASE_OCTETS // len(passphrase) + 1)
    return _hash(protocol, repeated[:_PASSPHRASE_OCTETS])


_remembered_key: Final = lru_cache(maxsize=256)(_key_of_passphrase)
"""Once per passphrase; others pay it at every device."""


def _localize(protocol: str, passphrase: bytes, engine_id: bytes) -> bytes:
    key = _remembered_key(protocol, passphrase)
    return _hash(protocol, key + engine_id + key)


def _hash(protocol: str, octets: bytes) -> bytes:
    return hashlib.new(protocol, octets, usedforsecurity=False).digest()


def _des(protocol: str, passphrase: bytes, engine_id: bytes) -> Cipherer:
    return Des(_localize(protocol, passphrase, engine_id))


def _blumenthal(octets: int) -> Callable[[str, bytes, bytes], Cipherer]:
    """The key grows by the hash of all of it so far (draft-blumenthal-aes-usm-04), as in net-snmp."""

    def cipherer(protocol: str, passphrase: bytes, engine_id: bytes) -> Cipherer:
        key = _localize(protocol, passphrase, engine_id)
        while len(key) < octets:
            key += _hash(protocol, key)
        return Aes(key[:octets])

    return cipherer


def _reeder(octets: int) -> Callable[[str, bytes, bytes], Cipherer]:
    """The key grows by its last part taken for a passphrase (draft-reeder-snmpv3-usm-3desede), as Cisco's."""

    def cipherer(protocol: str, passphrase: bytes, engine_id: bytes) -> Cipherer:
        key = last = _localize(protocol, passphrase, engine_id)
        while len(key) < octets:
            again = _key_of_passphrase(protocol, last)  # differs per device: nothing to remember
            last = _hash(protocol, again + engine_id + again)
            key += last
        return Aes(key[:octets])

    return cipherer


_PRIVACY: Final = MappingProxyType(
    {
        "des": _des,
        "aes128": _blumenthal(16),
        "aes192": _blumenthal(24),
        "aes256": _blumenthal(32),
        "aes192c": _reeder(24),
        "aes256c": _reeder(32),
    }
)
