"""One-time tokens of new devices, and what is signed with them.

The token itself never crosses the network: a device shows the number of its claim and signs with the token,
and so do we, so that neither who listens nor who pretends to be us gets anything.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from drivers.model import Secret

QUESTION: Final = "claim-question"
ANSWER: Final = "claim-answer"
HASHES: Final = MappingProxyType({64: hashlib.sha256, 128: hashlib.sha512})
"""By the length of a signature in hexadecimal: OpenWrt's BusyBox has SHA-256, RouterOS has SHA-512."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token is bound to. `claim` is its number, `mac` as printed on the device."""

    claim: str
    device: str
    mac: str


@dataclass(frozen=True, slots=True)
class Pads:
    """The two keys of HMAC's two hashes (RFC 2104), a block each: what a script without XOR signs with."""

    inner: str = field(repr=False)
    outer: str = field(repr=False)


def token_of(master: bytes, identity: Identity) -> Secret:
    """The token: 64 letters from a to p, so that its pads are printable text."""
    said = "\0".join(("plaza-claim-v1", identity.claim, identity.device, identity.mac)).encode()
    digest = hmac.digest(master, said, hashlib.sha256).hex()
    return Secret("".join(chr(ord("a") + int(digit, 16)) for digit in digest))


def token_hash(token: Secret) -> str:
    """What the store keeps of it."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def sign(token: Secret, purpose: str, text: bytes, digits: int = 64) -> str:
    """HMAC in hexadecimal over the purpose, a line end and the text; `digits` names the hash (HASHES)."""
    key = token.reveal().encode()
    return hmac.new(key, purpose.encode() + b"\n" + text, HASHES[digits]).hexdigest()


def genuine(token: Secret, purpose: str, text: bytes, signature: str) -> bool:
    """Whether the holder of the token signed this text for this purpose; compared in constant time."""
    if len(signature) not in HASHES:
        return False
    wanted = sign(token, purpose, text, len(signature))
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))


def pads(token: Secret, digits: int = 64) -> Pads:
    """The pads of a token for one of HASHES."""
    block = token.reveal().encode().ljust(HASHES[digits]().block_size, b"\0")
    return Pads(*(bytes(octet ^ pad for octet in block).decode("ascii") for pad in (0x36, 0x5C)))
