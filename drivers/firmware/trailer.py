"""What an OpenWrt image says of itself: the metadata that fwtool appends.

From the end: chunks, each with a trailer of 16 octets behind it (big endian: magic "FWx0", CRC-32 without its
last inversion over all octets of the file before the trailer, type, three empty ones, length of data and
trailer). Type 0 is a signature, type 1 the metadata: 8 octets of header, then JSON (OpenWrt, fwtool.c).
"""

import json
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TRAILER: Final = struct.Struct(">IIB3xI")
_MAGIC: Final = 0x46577830
_INFO: Final = 1
_HEADER_OCTETS: Final = 8
_MOST: Final = 32 * 1024
_PIECE: Final = 1 << 20
_BEGINNINGS: Final = (
    (0, b"\x27\x05\x19\x56"),  # U-Boot's uImage
    (0, b"\xd0\x0d\xfe\xed"),  # U-Boot's FIT
    (0, b"hsqs"),  # squashfs
    (0, b"sqsh"),
    (0, b"UBI#"),
    (0, b"\x31\x18\x10\x06"),  # UBIFS
    (0, b"HDR0"),  # Broadcom's TRX
    (0, b"\x5e\xa3\xa4\x17"),  # Seama
    (0, b"sysupgrade-"),  # the first folder of a tar
    (4, b"TP-LINK Technologies"),
    (510, b"\x55\xaa"),  # a disk with a boot sector
)
"""Octets at an offset by which an image without metadata is known (OpenWrt, /lib/upgrade), gzipped or not."""

_GZIP: Final = b"\x1f\x8b"
_START: Final = 4096


class NotAnImage(ValueError):
    """It is no such image; it says why."""


class Damaged(NotAnImage):
    """It is one by its looks, but not whole, or not one that can be used."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an image says of itself; "" and () are what it does not say."""

    models: tuple[str, ...] = ()
    version: str = ""


def read(file: Path) -> Told:
    """The metadata of an image; an image without any tells nothing. Raises NotAnImage."""
    octets = file.stat().st_size
    end = octets
    with file.open("rb") as image:
        while end >= _TRAILER.size:
            image.seek(end - _TRAILER.size)
            magic, crc, kind, length = _TRAILER.unpack(image.read(_TRAILER.size))
            if magic != _MAGIC:
                break
            if not _TRAILER.size <= length <= min(end, _MOST):
                raise Damaged("its metadata is damaged: a length is wrong")
            if crc != _crc(file, end - _TRAILER.size):
                raise Damaged("it is damaged: its checksum is wrong")
            if kind == _INFO:
                image.seek(end - length)
                return _told(image.read(length - _TRAILER.size))
            end -= length
        image.seek(0)
        start = image.read(_START)
    if end == octets and not _begins_as_image(start):
        raise NotAnImage("it has neither OpenWrt's metadata at its end nor the beginning of an image")
    return Told()


def _begins_as_image(start: bytes) -> bool:
    if start.startswith(_GZIP):
        with suppress(zlib.error):
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _START)
    return any(start.startswith(magic, at) for at, magic in _BEGINNINGS)


def _crc(file: Path, octets: int) -> int:
    found = 0
    with file.open("rb") as image:
        while octets > 0 and (piece := image.read(min(_PIECE, octets))):
            found = zlib.crc32(piece, found)
            octets -= len(piece)
    return found ^ 0xFFFFFFFF


def _told(chunk: bytes) -> Told:
    if chunk[:4] != b"\0\0\0\0":
        raise Damaged("its metadata is of a kind that Plaza does not know")
    try:
        said = json.loads(chunk[_HEADER_OCTETS:])
        version = said.get("version") or {}
        # An image of another compat version lists its boards where older systems do not look.
        old = said.get("compat_version", "1.0") == "1.0"
        names = said.get("supported_devices" if old else "new_supported_devices") or []
        return Told(tuple(str(name) for name in names), _version(version))
    except (ValueError, AttributeError, TypeError) as error:
        raise Damaged(f"its metadata cannot be read: {error}") from error


def _version(said: dict[str, Any]) -> str:
    """As a device of this version tells its own."""
    version = str(said.get("version", ""))
    return f"{version} {said.get('revision', '')}".strip() if version == "SNAPSHOT" else version
