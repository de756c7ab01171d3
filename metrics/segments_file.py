"""One segment of a spool: a header, then frames that can be told from damage."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from metrics.errors import StoreUnusable

SUFFIX: Final = ".segment"
VERSION: Final = 1
LARGEST_PAYLOAD: Final = 4 * 2**20
_FILE: Final = struct.Struct(">4sBxxx")
_FRAME: Final = struct.Struct(">4sIIQ")  # mark, octets of the payload, CRC-32, number
_MARK: Final = b"\xf5Pz\n"
_FILE_MARK: Final = b"PzSg"
_WINDOW: Final = 2**16

HEADER_OCTETS: Final = _FILE.size
FRAME_OCTETS: Final = _FRAME.size
"""What a frame costs besides its payload."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A payload with its number, which only rises; `end` is where it ends in its segment."""

    number: int
    payload: bytes = field(repr=False)
    end: int = 0


def header() -> bytes:
    """What a segment begins with."""
    return _FILE.pack(_FILE_MARK, VERSION)


def path_of(directory: Path, first: int) -> Path:
    """A segment is named by the number of its first frame."""
    return directory / f"{first:020d}{SUFFIX}"


def first_of(path: Path) -> int | None:
    """The number of its first frame; None for a file that is no segment."""
    return int(path.stem) if path.suffix == SUFFIX and path.stem.isdecimal() else None


def packed(number: int, payload: bytes) -> bytes:
    """A frame as it is written. Raises ValueError for a payload that is too large."""
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} octets, at most {LARGEST_PAYLOAD}")
    return _FRAME.pack(_MARK, len(payload), _crc(number, payload), number) + payload


def _crc(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(number.to_bytes(8, "big")))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor to read it by."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def require_known(path: Path) -> None:
    """Raise StoreUnusable for a segment of a newer Plaza; a damaged header costs no frame."""
    with opened(path) as descriptor:
        octets = _read(descriptor, HEADER_OCTETS, 0)
    if len(octets) == HEADER_OCTETS:
        mark, version = _FILE.unpack(octets)
        if mark == _FILE_MARK and version > VERSION:
            reason = f"written by a newer Plaza (segments of version {version}, this one knows {VERSION})"
            raise StoreUnusable(path, reason, "install that Plaza again")


def frame_at(descriptor: int, offset: int, end: int) -> Frame | None:
    """The frame that begins there and ends before `end`; None where there is none, or a damaged one."""
    octets = _read(descriptor, FRAME_OCTETS, offset)
    if len(octets) < FRAME_OCTETS:
        return None
    mark, length, crc, number = _FRAME.unpack(octets)
    stop = offset + FRAME_OCTETS + length
    if mark != _MARK or length > LARGEST_PAYLOAD or stop > end:
        return None
    payload = _read(descriptor, length, offset + FRAME_OCTETS)
    if len(payload) < length or _crc(number, payload) != crc:
        return None
    return Frame(number, payload, stop)


def next_good(descriptor: int, offset: int, end: int) -> int | None:
    """Where the next good frame after `offset` begins, None when there is none before `end`."""
    place = offset + 1
    while place < end:
        window = _read(descriptor, min(_WINDOW, end - place), place)
        found = window.find(_MARK)
        if found >= 0:
            if frame_at(descriptor, place + found, end) is not None:
                return place + found
            place += found + 1
        elif len(window) < len(_MARK):
            return None
        else:
            place += len(window) - len(_MARK) + 1
    return None


def good(descriptor: int, end: int) -> Iterator[Frame]:
    """Every good frame of a segment, over whatever is damaged between them."""
    offset: int | None = HEADER_OCTETS
    while offset is not None and offset < end:
        frame = frame_at(descriptor, offset, end)
        if frame is None:
            offset = next_good(descriptor, offset, end)
        else:
            yield frame
            offset = frame.end


def is_cut_short(descriptor: int, offset: int, end: int, number: int) -> bool:
    """Whether what is there is the beginning of frame `number` and nothing else: a write not ended."""
    octets = _read(descriptor, min(FRAME_OCTETS, end - offset), offset)
    if len(octets) < FRAME_OCTETS:
        return _MARK.startswith(octets[: len(_MARK)])
    mark, length, _, found = _FRAME.unpack(octets)
    return bool(mark == _MARK and found == number and offset + FRAME_OCTETS + length > end)


def _read(descriptor: int, octets: int, offset: int) -> bytes:
    """As much as there is; what a disk cannot give back is as if it were not there."""
    try:
        return os.pread(descriptor, octets, offset)
    except OSError:
        return b""


def write_all(descriptor: int, octets: bytes, offset: int) -> None:
    """All of it, at that place. Raises OSError."""
    view = memoryview(octets)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
