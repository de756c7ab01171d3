"""BER as SNMP uses it: definite lengths, the tags of RFC 3416."""

from functools import lru_cache
from typing import Final

Oid = tuple[int, ...]

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
NULL: Final = b"\x05\x00"
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIMETICKS: Final = 0x43
COUNTER64: Final = 0x46
NO_SUCH_OBJECT: Final = b"\x80\x00"
NO_SUCH_INSTANCE: Final = b"\x81\x00"
END_OF_MIB_VIEW: Final = b"\x82\x00"


class BadMessage(ValueError):
    """Octets that are not the message they claim to be."""


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    if 256 <= size < 65536:
        return bytes((tag, 0x82, size >> 8, size & 0xFF)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """INTEGER."""
    return number(INTEGER, value)


def number(tag: int, value: int) -> bytes:
    """Any of the integer types, in the fewest octets; unsigned ones get their leading zero."""
    size = (value.bit_length() if value >= 0 else (value + 1).bit_length()) // 8 + 1
    return bytes((tag, size)) + value.to_bytes(size, "big", signed=True)


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, value)


def oid(value: Oid) -> bytes:
    """OBJECT IDENTIFIER."""
    out = bytearray(_base128(value[0] * 40 + value[1]))
    for part in value[2:]:
        if part < 128:
            out.append(part)
        else:
            out += _base128(part)
    return tlv(OBJECT_IDENTIFIER, bytes(out))


def _base128(part: int) -> bytes:
    out = [part & 0x7F]
    while part := part >> 7:
        out.append(0x80 | part & 0x7F)
    return bytes(reversed(out))


@lru_cache(maxsize=8192)
def to_oid(content: bytes) -> Oid:
    """The numbers of an OBJECT IDENTIFIER's content. Raises BadMessage."""
    parts: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(value)
            value = 0
    if not parts or content[-1] & 0x80:
        raise BadMessage("object identifier is cut")
    first = min(parts[0] // 40, 2)
    return (first, parts[0] - 40 * first, *parts[1:])


def enter(data: bytes, position: int) -> tuple[int, int, int]:
    """Tag, start and end of the content of the element at `position`. Raises BadMessage."""
    try:
        tag, length = data[position], data[position + 1]
    except IndexError as error:
        raise BadMessage("cut") from error
    start = position + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[start : start + count], "big")
        start += count
        if not 1 <= count <= 4:
            raise BadMessage("length form")
    end = start + length
    if end > len(data):
        raise BadMessage("cut")
    return tag, start, end


def expect(tag: int, data: bytes, position: int) -> tuple[int, int]:
    """Start and end of the content of an element that must have `tag`. Raises BadMessage."""
    if position + 1 < len(data) and data[position] == tag and data[position + 1] < 0x80:
        start = position + 2  # most elements are short
        if (end := start + data[position + 1]) <= len(data):
            return start, end
    found, start, end = enter(data, position)
    if found != tag:
        raise BadMessage(f"tag {found:#x} where {tag:#x} belongs")
    return start, end


def take_integer(data: bytes, position: int) -> tuple[int, int]:
    """An INTEGER and the position behind it. Raises BadMessage."""
    start, end = expect(INTEGER, data, position)
    if not 1 <= end - start <= 8:
        raise BadMessage("integer size")
    return int.from_bytes(data[start:end], "big", signed=True), end


def take_octets(data: bytes, position: int) -> tuple[bytes, int]:
    """An OCTET STRING and the position behind it. Raises BadMessage."""
    start, end = expect(OCTET_STRING, data, position)
    return data[start:end], end
