"""Samples as they came, in blocks: rows of one batch and time, of neighbouring series with the same fields.

The series of a measurement are numbered, and so many neighbours are a stripe: a block's members are the bits
of the stripe whose series have a row in it. Its data are a version, the CRC-32 of the rest, the length of the
head and the head, which names a code of `struct` for each field (`B:up,H:clients`); then the rows, in the
order of their series, little endian. A series has one row at a time; which block that is in, the writer sees
to (intake.py).
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from typing import Any, Final, NamedTuple

from metrics.catalog import MEASUREMENTS, Kind

STRIPE: Final = 64
"""Series to a stripe: as many as a whole number of both databases has bits."""
VERSION: Final = 1
_HEAD: Final = struct.Struct("<BIH")
_SIGN: Final = 2**63
_REAL: Final = "d"
_UNSIGNED: Final = (("B", 2**8 - 1), ("H", 2**16 - 1), ("I", 2**32 - 1))
_SIGNED: Final = (("b", 2**7), ("h", 2**15), ("i", 2**31))
_CODES: Final = frozenset("BHIbhiqd")

Values = tuple[Any, ...]


class Block(NamedTuple):
    """`members` has the bit of each series by its place in the stripe, the lowest first."""

    stripe: int
    time: int
    batch: int
    members: int
    data: bytes

    @property
    def series(self) -> tuple[int, ...]:
        """The numbers of the series, in the order of the rows."""
        return numbers(self.stripe, self.members)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a block are: a code of `struct` for each field, and where they begin in the data."""

    fields: tuple[str, ...]
    codes: str
    row: struct.Struct
    begin: int


def of_series(number: int) -> tuple[int, int]:
    """The stripe of a series and its bit there."""
    return number // STRIPE, 1 << number % STRIPE


@lru_cache(maxsize=2**14)
def places(members: int) -> tuple[int, ...]:
    """Which bits are set. Remembered: mostly the same ones answer again."""
    return tuple(place for place in range(STRIPE) if members >> place & 1)


@lru_cache(maxsize=2**14)
def numbers(stripe: int, bits: int) -> tuple[int, ...]:
    """The numbers of the stripe's series with these bits, in their order."""
    first = stripe * STRIPE
    return tuple(first + place for place in places(bits))


def signed(members: int) -> int:
    """As a database keeps 64 bits."""
    return members - 2 * _SIGN if members >= _SIGN else members


def unsigned(members: int) -> int:
    """The same as bits again."""
    return members + 2 * _SIGN if members < 0 else members


Bounds = tuple[float, float]


def codes_of(measurement: str, fields: Sequence[str], bounds: Sequence[Bounds]) -> str:
    """The narrowest codes that hold the values of each field, of which this is the least and the largest."""
    known = MEASUREMENTS[measurement].fields
    return "".join(
        _REAL if known[field].kind is Kind.FLOAT else _code(*bound)
        for field, bound in zip(fields, bounds, strict=True)
    )


def _code(least: float, most: float) -> str:
    if least >= 0:
        return next((code for code, limit in _UNSIGNED if most <= limit), "q")
    return next((code for code, limit in _SIGNED if -limit <= least and most < limit), "q")


def pack(fields: Sequence[str], codes: str, rows: Iterable[Values]) -> bytes:
    """The data of a block. A fraction in a field of whole numbers is cut off, True is 1."""
    form = _form(codes)
    try:
        packed = b"".join(starmap(form.pack, rows))
    except struct.error:
        packed = b"".join(form.pack(*_whole(codes, row)) for row in rows)
    head = _named(tuple(fields), codes)
    body = head + packed
    return _HEAD.pack(VERSION, zlib.crc32(body), len(head)) + body


def _whole(codes: str, row: Values) -> Iterator[Any]:
    return (value if code == _REAL else int(value) for code, value in zip(codes, row, strict=True))


@lru_cache(maxsize=2**10)
def _form(codes: str) -> struct.Struct:
    return struct.Struct(f"<{codes}")


@lru_cache(maxsize=2**10)
def _named(fields: tuple[str, ...], codes: str) -> bytes:
    return ",".join(f"{code}:{field}" for code, field in zip(codes, fields, strict=True)).encode()


def shape(data: bytes) -> Shape:
    """Of a block's data. Raises ValueError where they are none of ours."""
    if len(data) < _HEAD.size:
        raise ValueError("a block that is cut off")
    version, _, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"a block of version {version}, this Plaza knows {VERSION}")
    return _shape(data[_HEAD.size : _HEAD.size + length])


@lru_cache(maxsize=2**10)
def _shape(head: bytes) -> Shape:
    try:
        pairs = [part.split(":", 1) for part in head.decode().split(",")]
        codes, fields = "".join(code for code, _ in pairs), tuple(field for _, field in pairs)
    except ValueError as error:
        raise ValueError(f"a block whose head cannot be read: {error}") from error
    if not set(codes) <= _CODES or len(codes) != len(fields):
        raise ValueError("a block whose head cannot be read")
    return Shape(fields, codes, _form(codes), _HEAD.size + len(head))


def check(block: Block) -> Shape:
    """Its shape. Raises ValueError where a bit of it is not as it was, or rows are missing."""
    found = shape(block.data)
    _, checksum, _ = _HEAD.unpack_from(block.data)
    if zlib.crc32(memoryview(block.data)[_HEAD.size :]) != checksum:
        raise ValueError("a block whose checksum is wrong")
    if len(block.data) - found.begin != block.members.bit_count() * found.row.size:
        raise ValueError("a block that has other rows than members")
    return found


def rows(block: Block) -> tuple[Shape, Iterator[Values]]:
    """Its rows, a value per field of the shape. Raises ValueError as `check` does."""
    found = check(block)
    return found, found.row.iter_unpack(memoryview(block.data)[found.begin :])


def some(block: Block, bits: int) -> tuple[Shape, list[Values]]:
    """The rows of the members with these bits, without a look at the others: no checksum is asked for.

    Raises ValueError where one is not there.
    """
    found = shape(block.data)
    size, members = found.row.size, block.members
    try:
        return found, [
            found.row.unpack_from(block.data, found.begin + (members & (1 << place) - 1).bit_count() * size)
            for place in places(bits)
        ]
    except struct.error as error:
        raise ValueError(f"a block that is cut off: {error}") from error
