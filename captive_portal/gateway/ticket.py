"""Signed, compact tokens that a phone carries between gateway and portal."""

import base64
import binascii
import hashlib
import hmac
import json

Fields = dict[str, str | int]
SIGNATURE_OCTETS = 16
MAX_TOKEN = 2048

_written = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class BadToken(ValueError):
    """The token is damaged, forged or made for another purpose."""


def seal(key: bytes, purpose: str, fields: Fields) -> str:
    """A URL-safe token `payload.signature`; the HMAC-SHA256 covers the purpose, so none serves another."""
    payload = _encode(_written(fields).encode())
    return f"{payload}.{_encode(_signature(key, purpose, payload))}"


def unseal(key: bytes, purpose: str, token: str) -> Fields:
    """The fields of a token we or our peer sealed. Raises BadToken."""
    payload, _, signature = token.partition(".")
    if len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken("not a token")
    if not hmac.compare_digest(signature, _encode(_signature(key, purpose, payload))):
        raise BadToken("signature does not match")
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BadToken("payload is damaged") from error
    if not isinstance(fields, dict):
        raise BadToken("payload is not an object")
    return fields


def pseudonym(key: bytes, *parts: str) -> str:
    """A keyed hash of identifying parts (MAC, MAC and IP): 32 hex digits only this site's key can make."""
    return hmac.new(key, b"pseudonym\0" + "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def _signature(key: bytes, purpose: str, payload: str) -> bytes:
    message = f"{purpose}\0{payload}".encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:SIGNATURE_OCTETS]


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
