"""Who a device is: its SSH host key, for those who compare, pin or print it and never log in."""

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostKey:
    """A device's identity: `kind` and `public_key` (base64) as in known_hosts, `fingerprint` "SHA256:…"."""

    kind: str
    public_key: str
    fingerprint: str


def fingerprint(public_key: bytes) -> str:
    """As OpenSSH prints it: SHA256:… in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")
