"""What only this site's portal can read again: AES-256-GCM under a key of its own for each purpose."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Fields = Mapping[str, object]
NONCE_OCTETS = 12
MAX_SEALED = 6144
MAX_CLEAR = 16384

_written = json.JSONEncoder(separators=(",", ":")).encode


class Unsealed(ValueError):
    """The text is damaged, forged, of another site or made for another purpose."""


def seal(key: bytes, purpose: str, fields: Fields) -> str:
    """The fields (JSON) as URL-safe text; `key` is the site's."""
    nonce = os.urandom(NONCE_OCTETS)
    clear = _packed(_written(fields).encode())
    sealed = nonce + _cipher(key, purpose).encrypt(nonce, clear, None)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(key: bytes, purpose: str, text: str) -> dict[str, object]:
    """The fields again. Raises Unsealed."""
    if len(text) > MAX_SEALED or not text.isascii():
        raise Unsealed("not a sealed text")
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        clear = _cipher(key, purpose).decrypt(sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:], None)
        fields = json.loads(_unpacked(clear))
    except (binascii.Error, ValueError, InvalidTag, zlib.error) as error:
        raise Unsealed("cannot be believed") from error
    if not isinstance(fields, dict):
        raise Unsealed("holds no fields")
    return fields


def _packed(clear: bytes) -> bytes:
    """Compressed, for what is sealed looks like noise and no page can make it smaller any more."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -9, 5)
    return packer.compress(clear) + packer.flush()


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompressobj(-9).decompress(packed, MAX_CLEAR)


@lru_cache(maxsize=4096)
def _cipher(key: bytes, purpose: str) -> AESGCM:
    return AESGCM(hmac.digest(key, b"plaza-seal-v1\0" + purpose.encode(), hashlib.sha256))
