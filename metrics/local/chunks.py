"""A day of one series as one compressed chunk: a column per field, of differences, guarded by a checksum.

A chunk is a version, the CRC-32 of the rest and a zlib stream. In the stream: how many rows, columns and
masks there are; of each column its code, the exponent of its scale, its mask, how many values, their width in
bytes, the first of them and its name; the masks, a byte per row; and of each column the differences from one
value to the next, all their lowest bytes first, then all their second bytes and so on. The first column is
the time.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, repeat
from operator import truediv, xor
from typing import Any, Final

Value = int | float | None

VERSION: Final = 1
_LEVEL: Final = 6  # byte planes make it as cheap as 1, and 4 % smaller
_HEAD: Final = struct.Struct("<BI")
_SIZES: Final = struct.Struct("<IHH")
_COLUMN: Final = struct.Struct("<cBHIBqB")
_CODE_OF: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
EVERYWHERE: Final = 0xFFFF
"""The mask of a column without gaps."""
_SWAP: Final = sys.byteorder == "big"


@dataclass(frozen=True, slots=True)
class Columns:
    """`times` in epoch s, ascending; of each field a value per time, None where nobody measured it."""

    times: list[int]
    fields: dict[str, list[Value]]


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a field, or of the times, whose name is empty.

    `code` says what `first` and the differences are: i integers, v integers as they are, d decimal fractions,
    f the bits of doubles.
    """

    name: str
    code: bytes
    exponent: int
    mask: int
    count: int
    width: int
    first: int

    @property
    def octets(self) -> int:
        """Of its differences."""
        return max(self.count - 1, 0) * self.width

    @property
    def packed(self) -> bytes:
        """As it lies in the stream."""
        name = self.name.encode()
        numbers = (self.code, self.exponent, self.mask, self.count, self.width, self.first, len(name))
        return _COLUMN.pack(*numbers) + name


def sealed(
    rows: int, columns: Sequence[Column], masks: Iterable[bytes], differences: Iterable[bytes]
) -> bytes:
    """A chunk of these parts; chunk_making.py makes them."""
    sizes = _SIZES.pack(rows, len(columns), len(listed := list(masks)))
    body = zlib.compress(
        b"".join((sizes, *(column.packed for column in columns), *listed, *differences)), _LEVEL
    )
    return _HEAD.pack(VERSION, zlib.crc32(body)) + body


def decode(data: bytes, wanted: Collection[str] | None = None) -> Columns:
    """The columns of these fields, or of all. Raises ValueError when a bit of it is not as it was."""
    body = _opened(data)
    rows, columns, masks = _SIZES.unpack_from(body)
    heads, at = _heads(body, columns)
    shown = [memoryview(body)[at + number * rows : at + (number + 1) * rows] for number in range(masks)]
    at += masks * rows
    times: list[int] = []
    fields: dict[str, list[Value]] = {}
    for column in heads:
        if not column.name:
            times = _values(column, body[at : at + column.octets])
        elif wanted is None or column.name in wanted:
            values = _values(column, body[at : at + column.octets])
            fields[column.name] = values if column.mask == EVERYWHERE else _spread(values, shown[column.mask])
        at += column.octets
    return Columns(times, fields)


def check(data: bytes) -> None:
    """Raises ValueError when a bit of it is not as it was, without unpacking it."""
    if len(data) < _HEAD.size:
        raise ValueError("a chunk that is cut off")
    version, checksum = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"a chunk of version {version}, this Plaza knows {VERSION}")
    if zlib.crc32(memoryview(data)[_HEAD.size :]) != checksum:
        raise ValueError("a chunk whose checksum is wrong")


def _opened(data: bytes) -> bytes:
    check(data)
    try:
        return zlib.decompress(memoryview(data)[_HEAD.size :])
    except zlib.error as error:
        raise ValueError(f"a chunk that cannot be unpacked: {error}") from error


def _heads(body: bytes, columns: int) -> tuple[list[Column], int]:
    found = []
    at = _SIZES.size
    for _ in range(columns):
        *numbers, length = _COLUMN.unpack_from(body, at)
        at += _COLUMN.size
        found.append(Column(body[at : at + length].decode(), *numbers))
        at += length
    return found, at


def _spread(values: Sequence[Value], mask: memoryview) -> list[Value]:
    found: list[Value] = [None] * len(mask)
    for place, value in zip(compress(range(len(mask)), mask), values, strict=True):
        found[place] = value
    return found


def _values(column: Column, planes: bytes) -> list[Any]:
    if not column.count:
        return []
    numbers = _numbers(column, planes)
    match column.code:
        case b"v":
            return [column.first, *numbers]
        case b"f":
            return array("d", array("q", accumulate(numbers, xor, initial=column.first)).tobytes()).tolist()
    whole = accumulate(numbers, initial=column.first)
    if column.code == b"i":
        return list(whole)
    return list(map(truediv, whole, repeat(10**column.exponent)))


def _numbers(column: Column, planes: bytes) -> "array[int]":
    width = column.width
    packed = array(_CODE_OF[width])
    if width == 1:
        packed.frombytes(planes)
        return packed
    whole, each = bytearray(len(planes)), len(planes) // width
    for byte in range(width):
        whole[byte::width] = planes[byte * each : (byte + 1) * each]
    packed.frombytes(whole)
    if _SWAP:
        packed.byteswap()
    return packed
