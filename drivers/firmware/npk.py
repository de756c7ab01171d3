"""What a RouterOS package (.npk) says of itself.

Magic 1E F1 D0 BA, the length of the rest (little endian), then parts of a type (two octets), a length (four)
and data. Part 0x01 or 0x12 holds name (16 octets) and version: revision, release kind, minor, major; part
0x10 the architecture (Ryazanov's npk.h, npkpy; the meaning of the release kind is unverified, so a version
that is no stable one must be given by hand).
"""

import struct
from pathlib import Path
from typing import BinaryIO, Final

from drivers.firmware.trailer import Damaged, NotAnImage, Told

_MAGIC: Final = b"\x1e\xf1\xd0\xba"
_PART: Final = struct.Struct("<HI")
_INFO: Final = frozenset({0x01, 0x12})
_ARCHITECTURE: Final = 0x10
_STABLE: Final = ord("f")
_NAME_OCTETS: Final = 16
_MOST: Final = 4096
_SYSTEM: Final = ("routeros", "system")


def read(file: Path) -> Told:
    """Architecture and version. Raises NotAnImage for anything but a whole package of the system."""
    octets = file.stat().st_size
    with file.open("rb") as package:
        if package.read(4) != _MAGIC:
            raise NotAnImage("it is no RouterOS package (.npk)")
        [rest] = struct.unpack("<I", package.read(4).ljust(4, b"\0"))
        if rest != octets - 8:
            raise Damaged(f"it is cut short: {octets} octets of {rest + 8}")
        parts = _parts(package, octets)
    info = next((data for kind, data in parts if kind in _INFO), b"")
    if len(info) < _NAME_OCTETS + 4:
        raise Damaged("it does not say what it is")
    name = info[:_NAME_OCTETS].rstrip(b"\0").decode("ascii", "replace")
    if not name.startswith(_SYSTEM):
        raise Damaged(f"it is the package {name!r}, not RouterOS itself")
    architecture = next((data for kind, data in parts if kind == _ARCHITECTURE), b"")
    models = (architecture.rstrip(b"\0").decode("ascii", "replace"),) if architecture else ()
    return Told(models, _version(*info[_NAME_OCTETS : _NAME_OCTETS + 4]))


def _parts(package: BinaryIO, octets: int) -> list[tuple[int, bytes]]:
    """Types and the short data of all parts."""
    found = []
    while len(head := package.read(_PART.size)) == _PART.size:
        kind, length = _PART.unpack(head)
        if package.tell() + length > octets:
            raise Damaged("it is damaged: a part is longer than the package")
        found.append((kind, package.read(min(length, _MOST))))
        package.seek(max(0, length - _MOST), 1)
    return found


def _version(revision: int, kind: int, minor: int, major: int) -> str:
    if kind != _STABLE:
        return ""
    return f"{major}.{minor}" + (f".{revision}" if revision else "")
