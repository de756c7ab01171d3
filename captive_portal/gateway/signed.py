"""Signatures over whole message bodies, the same on the gateway and on the controller's edge."""

import hashlib
import hmac
from typing import Final

HEADER: Final = "X-Plaza-Signature"
QUESTION: Final = "sync"
ANSWER: Final = "sync-answer"


def sign(key: bytes, purpose: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over the purpose and the body, so that no answer passes for a question."""
    return hmac.new(key, purpose.encode() + b"\0" + body, hashlib.sha256).hexdigest()


def genuine(key: bytes, purpose: str, body: bytes, signature: str) -> bool:
    """Whether the holder of the key signed this body for this purpose; compared in constant time."""
    return hmac.compare_digest(sign(key, purpose, body).encode(), signature.encode())


def hidden(key: bytes, nonce: str, month: str, other: bytes) -> bytes:
    """A month's key as it travels, and again in clear: as `padded`, under a pad of its own."""
    pad = hmac.new(key, b"month\0" + nonce.encode() + b"\0" + month.encode(), hashlib.sha256).digest()
    return bytes(one ^ two for one, two in zip(pad, other, strict=True))


def padded(key: bytes, nonce: str, epoch: int, other: bytes) -> bytes:
    """The key of a later epoch as it travels, and again in clear: only who holds `key` can tell.

    `nonce` is of the question, so no two pads are alike.
    """
    said = b"rekey\0" + nonce.encode() + b"\0" + str(epoch).encode()
    pad = hmac.new(key, said, hashlib.sha256).digest()
    return bytes(one ^ two for one, two in zip(pad, other, strict=True))
