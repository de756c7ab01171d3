"""Images as OpenWrt's and MikroTik's builders make them, with nothing useful inside."""

import json
import random
import struct
import zlib

BOARD = "tplink,archer-c7-v2"
ARCHITECTURE = "arm64"


def chunk(image: bytes, kind: int, data: bytes) -> bytes:
    """An image with one more chunk, as fwtool appends it."""
    trailer = struct.pack(">IIB3xI", 0x46577830, zlib.crc32(image + data) ^ 0xFFFFFFFF, kind, len(data) + 16)
    return image + data + trailer


def openwrt(version: str = "24.10.1", boards: tuple[str, ...] = (BOARD,), octets: int = 300_000) -> bytes:
    """A signed image of a release."""
    metadata = {
        "metadata_version": "1.1",
        "compat_version": "1.0",
        "supported_devices": list(boards),
        "version": {"dist": "OpenWrt", "version": version, "revision": "r28597-0425664679"},
    }
    payload = random.Random(version).randbytes(octets)
    told = chunk(payload, 1, b"\0" * 8 + json.dumps(metadata).encode())
    return chunk(told, 0, b"untrusted comment: a signature")


def npk(
    version: tuple[int, int, int] = (7, 18, 2),
    architecture: str = ARCHITECTURE,
    name: str = "routeros",
    octets: int = 60_000,
) -> bytes:
    """A RouterOS package."""
    major, minor, revision = version
    info = name.encode().ljust(16, b"\0") + bytes((revision, ord("f"), minor, major)) + b"\0" * 12
    parts = ((0x12, info), (0x10, architecture.encode()), (0x15, random.Random(name).randbytes(octets)))
    body = b"".join(struct.pack("<HI", kind, len(data)) + data for kind, data in parts)
    return b"\x1e\xf1\xd0\xba" + struct.pack("<I", len(body)) + body
