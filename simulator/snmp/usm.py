"""The user-based security model of one agent's one user (RFC 3414, RFC 3826, RFC 7860)."""

import hashlib
import hmac
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
    except ImportError:  # cryptography < 47 keeps them in the old place
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES  # type: ignore[no-redef,attr-defined,unused-ignore]
        from cryptography.hazmat.primitives.ciphers.modes import CFB  # type: ignore[no-redef,attr-defined,unused-ignore]

from simulator.model import V3Access

AUTH_PROTOCOLS: Final = {"md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}
"""hashlib's name of each protocol and how many octets of its HMAC travel."""


@lru_cache(maxsize=256)
def key_of_passphrase(protocol: str, text: bytes) -> bytes:
    """Ku of RFC 3414 §A.2: the hash of one mebioctet of the repeated passphrase; costly, so made once."""
    return hashlib.new(protocol, (text * (1048576 // len(text) + 1))[:1048576]).digest()


def localized_key(protocol: str, passphrase: bytes, engine_id: bytes) -> bytes:
    """Kul: the user's key at one engine."""
    key = key_of_passphrase(protocol, passphrase)
    return hashlib.new(protocol, key + engine_id + key).digest()


Stretch = Callable[[str, bytes, bytes, int], bytes]
"""Makes a localized key long enough: hash, key, engineID, octets wanted."""


def plain(protocol: str, key: bytes, engine_id: bytes, octets: int) -> bytes:
    """The digests of all authentication protocols are long enough already."""
    return key[:octets]


def blumenthal(protocol: str, key: bytes, engine_id: bytes, octets: int) -> bytes:
    """As net-snmp does: hash what there is and append it (draft-blumenthal-aes-usm-04 §3.1.2.1)."""
    while len(key) < octets:
        key += hashlib.new(protocol, key).digest()
    return key[:octets]


def reeder(protocol: str, key: bytes, engine_id: bytes, octets: int) -> bytes:
    """As Cisco does: the last key is the passphrase of the next (draft-reeder-snmpv3-usm-3desede-00 §2.1)."""
    last = key
    while len(key) < octets:
        last = localized_key(protocol, last, engine_id)
        key += last
    return key[:octets]


class Privacy(Protocol):
    """Encrypts and decrypts scoped PDUs; `clock` is engineBoots and engineTime, four octets each."""

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """Ciphertext and msgPrivacyParameters."""
        ...

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """Plaintext; rubbish when the key is another."""
        ...


class Aes:
    """CFB128-AES, RFC 3826; the key's length is the cipher's."""

    def __init__(self, key: bytes) -> None:
        self._key = AES(key)

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """See Privacy."""
        parameters = salt.to_bytes(8, "big")
        return Cipher(self._key, CFB(clock + parameters)).encryptor().update(plain), parameters

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """See Privacy."""
        return Cipher(self._key, CFB(clock + parameters)).decryptor().update(secret)


class Des:
    """CBC-DES, RFC 3414 §8; one DES is triple DES with three equal keys."""

    def __init__(self, key: bytes) -> None:
        self._key = TripleDES(key[:8] * 3)
        self._mask = key[8:16]

    def encrypt(self, plain: bytes, clock: bytes, salt: int) -> tuple[bytes, bytes]:
        """See Privacy."""
        parameters = clock[:4] + (salt & 0xFFFFFFFF).to_bytes(4, "big")
        padded = plain + bytes(-len(plain) % 8)
        return Cipher(self._key, CBC(self._vector(parameters))).encryptor().update(padded), parameters

    def decrypt(self, secret: bytes, clock: bytes, parameters: bytes) -> bytes:
        """See Privacy."""
        return (
            Cipher(self._key, CBC(self._vector(parameters)))
            .decryptor()
            .update(secret[: len(secret) // 8 * 8])
        )

    def _vector(self, parameters: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(self._mask, parameters, strict=True))


@dataclass(frozen=True, slots=True)
class PrivProtocol:
    """A cipher, the octets of its key, and how a shorter localized key gets there."""

    cipher: Callable[[bytes], Privacy]
    key_octets: int
    stretch: Stretch


PRIV_PROTOCOLS: Final = {
    "des": PrivProtocol(Des, 16, plain),
    "aes128": PrivProtocol(Aes, 16, plain),
    "aes192": PrivProtocol(Aes, 24, blumenthal),
    "aes256": PrivProtocol(Aes, 32, blumenthal),
    "aes192c": PrivProtocol(Aes, 24, reeder),
    "aes256c": PrivProtocol(Aes, 32, reeder),
}


@dataclass(frozen=True, slots=True)
class Keys:
    """What one user shares with one engine: an HMAC to copy, and how many of its octets travel."""

    digest: hmac.HMAC | None
    digest_octets: int
    privacy: Privacy | None

    def sign(self, message: bytes) -> bytes:
        """msgAuthenticationParameters of a message whose own field is zeros."""
        assert self.digest is not None  # noqa: S101  # callers sign only what asks for authentication
        running = self.digest.copy()
        running.update(message)
        return running.digest()[: self.digest_octets]


def keys(access: V3Access, engine_id: bytes) -> Keys:
    """The user's localized keys at this engine."""
    if not access.auth_protocol:
        return Keys(None, 0, None)
    own = localized_key(access.auth_protocol, access.auth_key.encode(), engine_id)
    digest = hmac.new(own, digestmod=access.auth_protocol)
    return Keys(digest, AUTH_PROTOCOLS[access.auth_protocol], _privacy(access, engine_id))


def _privacy(access: V3Access, engine_id: bytes) -> Privacy | None:
    if not access.priv_protocol:
        return None
    protocol = PRIV_PROTOCOLS[access.priv_protocol]
    short = localized_key(access.auth_protocol, access.priv_key.encode(), engine_id)
    return protocol.cipher(protocol.stretch(access.auth_protocol, short, engine_id, protocol.key_octets))
