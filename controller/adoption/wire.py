"""What a new device and the edge say to each other: lines `key=value`, the last of them the signature."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from controller.adoption.tokens import ANSWER, QUESTION, Identity, genuine, sign
from drivers.facts import Facts
from drivers.host_key import HostKey, fingerprint
from drivers.model import Secret

VERSION: Final = "plaza-claim-1"
STEPS: Final = frozenset({"hello", "done"})
MAX_OCTETS: Final = 4096
MAX_FACT: Final = 64

_SIGNED: Final = re.compile(rb"(?s)(?P<text>.*)\nsignature=(?P<signature>[0-9a-f]{64,128})\s*\Z")
_CLAIM: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"[a-z0-9-]{1,63}")
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


class Malformed(ValueError):
    """Not what a new device says."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a device says. First `hello`, to learn our key; then `done`, to be taken in."""

    step: str
    identity: Identity
    facts: Facts
    host_key: HostKey
    text: bytes
    signature: str

    def genuine(self, token: Secret) -> bool:
        """Whether the holder of the token says it."""
        return genuine(token, QUESTION, self.text, self.signature)


def read(octets: bytes) -> Question:
    """A device's question. Raises Malformed."""
    found = _SIGNED.fullmatch(octets)
    if found is None:
        raise Malformed("not signed")
    try:
        first, *lines = found["text"].decode().split("\n")
    except UnicodeDecodeError:
        raise Malformed("no text") from None
    said = dict(line.partition("=")[::2] for line in lines)
    identity = Identity(said.get("claim", ""), said.get("device", ""), said.get("mac", "").lower())
    if first != VERSION or said.get("step") not in STEPS or not _sound(identity):
        raise Malformed("of another version")
    facts = Facts(_fact(said, "model"), _fact(said, "version"), _fact(said, "serial"))
    signature = found["signature"].decode()
    return Question(said["step"], identity, facts, _host_key(said), found["text"], signature)


def answer(question: Question, token: Secret, public_key: str) -> bytes:
    """What the device may believe: the step it asked for and the key that it lets in."""
    text = f"{VERSION}\nstep={question.step}\nkey={public_key}"
    return f"{text}\nsignature={sign(token, ANSWER, text.encode(), len(question.signature))}\n".encode()


def _sound(identity: Identity) -> bool:
    patterns = ((_CLAIM, identity.claim), (_NAME, identity.device), (_MAC, identity.mac))
    return all(pattern.fullmatch(text) for pattern, text in patterns)


def _fact(said: dict[str, str], name: str) -> str:
    return "".join(char for char in said.get(name, "") if char.isprintable())[:MAX_FACT]


def _host_key(said: dict[str, str]) -> HostKey:
    """From `hostkey=ssh-… AAAA…`, or `hostkey64=` with that or PEM text in base64."""
    try:
        text = said["hostkey"].encode() if "hostkey" in said else base64.b64decode(said["hostkey64"])
        pem = text.lstrip().startswith(b"-----BEGIN")
        load = serialization.load_pem_public_key if pem else serialization.load_ssh_public_key
        spelled = load(text.strip()).public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    except (KeyError, ValueError, TypeError, UnsupportedAlgorithm, binascii.Error) as error:
        raise Malformed("shows no host key") from error
    kind, key = spelled.decode().split(" ")
    return HostKey(kind, key, fingerprint(base64.b64decode(key)))
