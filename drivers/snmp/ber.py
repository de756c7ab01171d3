"""PDUs and community messages as BER octets, both ways (RFC 1157, RFC 3416, X.690; definite lengths only)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from drivers.snmp.seam import Oid, Value

ID_OCTETS: Final = 4
ID_HEAD: Final = b"\x02\x04"
_MAX_SUBIDENTIFIERS: Final = 128
_MAX_SUBIDENTIFIER: Final = 0xFFFFFFFF
_MAX_INTEGER_OCTETS: Final = 9

VarBind = tuple[Oid, int, Value | None]
"""Name, BER tag, value; the value is None for NULL, noSuchObject, noSuchInstance and endOfMibView."""


class BerError(ValueError):
    """These octets are not a message of the kind asked for."""


class Version(IntEnum):
    """The version number at the start of a message."""

    V1 = 0
    V2C = 1
    V3 = 3


class Tag(IntEnum):
    """BER tags of SNMP values."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    SEQUENCE = 0x30
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    UNSIGNED32 = 0x47
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


class Verb(IntEnum):
    """PDU tags."""

    GET = 0xA0
    NEXT = 0xA1
    RESPONSE = 0xA2
    BULK = 0xA5
    REPORT = 0xA8


@dataclass(frozen=True, slots=True)
class Message:
    """One v1 or v2c message. Of BULK `status` is non-repeaters, `index` max-repetitions (RFC 3416 §3)."""

    community: bytes
    verb: int
    request_id: int
    status: int = 0
    index: int = 0
    varbinds: Sequence[VarBind] = ()
    version: Version = Version.V2C


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU of any version but SNMPv1's Trap."""

    verb: int
    request_id: int
    status: int
    index: int
    varbinds: Sequence[VarBind]


_SIGNED_BY_TAG: Final = {
    int(Tag.INTEGER): True,
    int(Tag.COUNTER32): False,
    int(Tag.GAUGE32): False,
    int(Tag.TIME_TICKS): False,
    int(Tag.COUNTER64): False,
    int(Tag.UNSIGNED32): False,
}
_UNSIGNED: Final = frozenset(tag for tag, signed in _SIGNED_BY_TAG.items() if not signed)
_V1, _V2C, _V3 = b"\x02\x01\x00", b"\x02\x01\x01", b"\x02\x01\x03"
_SHORT: Final = 0x7F  # the longest length that takes one octet
_TEXT: Final = frozenset({int(Tag.OCTETS), int(Tag.IP_ADDRESS), int(Tag.OPAQUE)})
_SEQUENCE, _OID, _OCTETS = int(Tag.SEQUENCE), int(Tag.OID), int(Tag.OCTETS)  # an enum's lookup costs


def encode(message: Message) -> bytes:
    """The whole message."""
    varbinds = b"".join(
        tlv(Tag.SEQUENCE, encode_oid(n) + encode_value(tag, v)) for n, tag, v in message.varbinds
    )
    tail = integer(message.status) + integer(message.index) + tlv(Tag.SEQUENCE, varbinds)
    pdu = tlv(message.verb, integer(message.request_id) + tail)
    return tlv(Tag.SEQUENCE, community_head(message.version, message.community) + pdu)


def community_head(version: Version, community: bytes) -> bytes:
    """What stands before the PDU in a message of version 1 or 2c, and so before the one of its answer."""
    return integer(version) + tlv(Tag.OCTETS, community)


def decode(datagram: bytes) -> Message:
    """The message in a datagram; octets after it are disregarded. Raises BerError and nothing else."""
    try:
        return _message(datagram)
    except IndexError as error:
        raise BerError("truncated") from error


def decode_pdu(data: bytes, at: int, end: int) -> Pdu:
    """The PDU at `at`, which must end by `end`. Raises BerError and nothing else."""
    try:
        verb, at, end = header(data, at, end)
        request_id, at = read_integer(data, at, end)
        status, at = read_integer(data, at, end)
        index, at = read_integer(data, at, end)
        tag, at, end = header(data, at, end)
        if tag != Tag.SEQUENCE:
            raise BerError("no variable bindings")
        return Pdu(verb, request_id, status, index, read_varbinds(data, at, end))
    except IndexError as error:
        raise BerError("truncated") from error


def id_of(datagram: bytes) -> bytes | None:
    """The request-id (v1, v2c) or msgID (v3) as four octets, unproved; None when there is none."""
    try:
        at = 2 + (datagram[1] & 0x7F if datagram[1] & 0x80 else 0)
        version = datagram[at : at + 3]
        at += 3
        if version in (_V1, _V2C):
            start, size = at + 2, datagram[at + 1]
            if size & 0x80:
                start, size = _long(datagram, start, size)
            at = start + size  # behind the community
            at += 2 + (datagram[at + 1] & 0x7F if datagram[at + 1] & 0x80 else 0)
        elif version == _V3:
            at += 2 + (datagram[at + 1] & 0x7F if datagram[at + 1] & 0x80 else 0)
        else:
            return None
    except (IndexError, BerError):
        return None
    found = datagram[at + 2 : at + 2 + ID_OCTETS]
    return found if datagram[at : at + 2] == ID_HEAD and len(found) == ID_OCTETS else None


def values_named(data: bytes, at: int, end: int, names: tuple[bytes, ...]) -> list[Value | None] | None:
    """The values of exactly these bindings (encoded names), in order; None when the list is not just so.

    The hot loop of polling: an answer names what it named the last time, so that names need no decoding.
    """
    found: list[Value | None] = []
    try:
        for name in names:
            start = at + 2
            tag_at = start + len(name)
            value_at = tag_at + 2
            stop = value_at + data[value_at - 1]
            size = stop - start
            if (
                data[start:tag_at] != name
                or data[start - 1] != size
                or size > _SHORT
                or data[at] != _SEQUENCE
            ):
                tag_at, value_at, stop = _long_binding(data, at, name)
            tag = data[tag_at]
            if tag in _UNSIGNED and value_at < stop <= value_at + _MAX_INTEGER_OCTETS:
                found.append(int.from_bytes(data[value_at:stop], "big"))
            else:
                found.append(read_value(tag, data[value_at:stop]))
            at = stop
    except (IndexError, BerError):
        return None
    return found if at == end else None


def _long_binding(data: bytes, at: int, name: bytes) -> tuple[int, int, int]:
    """Where the value's tag, its contents and the binding's end are. Raises BerError, IndexError."""
    tag, start, stop = header(data, at, len(data))
    tag_at = start + len(name)
    if tag != _SEQUENCE or data[start:tag_at] != name:
        raise BerError("another binding")
    _, value_at, value_stop = header(data, tag_at, stop)
    if value_stop != stop:
        raise BerError("more than one value")
    return tag_at, value_at, stop


@lru_cache(maxsize=16384)
def encode_oid(oid: Oid) -> bytes:
    """An OBJECT IDENTIFIER with its tag. Raises BerError when it has no encoding."""
    if len(oid) < 2 or len(oid) > _MAX_SUBIDENTIFIERS or oid[0] > 2 or (oid[0] < 2 and oid[1] > 39):
        raise BerError(f"no such OID: {oid}")
    if min(oid) < 0 or max(oid) > _MAX_SUBIDENTIFIER:
        raise BerError(f"no such OID: {oid}")
    return tlv(Tag.OID, b"".join(map(_subidentifier, (oid[0] * 40 + oid[1], *oid[2:]))))


@lru_cache(maxsize=16384)
def decode_oid(octets: bytes) -> Oid:
    """The contents of an OBJECT IDENTIFIER. Raises BerError."""
    numbers: list[int] = []
    number = 0
    for octet in octets:
        if number == 0 and octet == 0x80:
            raise BerError("padded sub-identifier")
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    if not numbers or octets[-1] & 0x80 or len(numbers) >= _MAX_SUBIDENTIFIERS:
        raise BerError("OID cut short or too long")
    first = min(numbers[0] // 40, 2)
    numbers[0] -= first * 40
    if max(numbers) > _MAX_SUBIDENTIFIER:
        raise BerError("sub-identifier beyond 32 bits")
    return (first, *numbers)


def tlv(tag: int, contents: bytes) -> bytes:
    """Tag, length, contents."""
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + contents


def integer(number: int, tag: int = Tag.INTEGER) -> bytes:
    """Any of the integer types, in the fewest octets."""
    octets = ((number if number >= 0 else ~number).bit_length() + 8) // 8
    return tlv(tag, number.to_bytes(octets, "big", signed=True))


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and stop of the contents at `at`; they must not pass `end`. Raises BerError, IndexError."""
    start = at + 2
    length = data[at + 1]
    if length & 0x80:
        start, length = _long(data, start, length)
        if start > end:
            raise BerError("bad length")
    if start + length > end:
        raise BerError("truncated")
    return data[at], start, start + length


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An INTEGER of 32 bits and where it ends. Raises BerError, IndexError."""
    tag, start, stop = header(data, at, end)
    if tag != Tag.INTEGER or not 1 <= stop - start <= 4:
        raise BerError("no integer of 32 bits")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def read_octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """An OCTET STRING and where it ends. Raises BerError, IndexError."""
    tag, start, stop = header(data, at, end)
    if tag != Tag.OCTETS:
        raise BerError("no octet string")
    return data[start:stop], stop


def _long(data: bytes, at: int, size: int) -> tuple[int, int]:
    """Where the contents start and how long they are, of a length in its long form."""
    octets = size & 0x7F
    if not 1 <= octets <= 4:
        raise BerError("bad length")
    return at + octets, int.from_bytes(data[at : at + octets], "big")


def _subidentifier(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def encode_value(tag: int, value: Value | None) -> bytes:
    """A value with its tag; None is NULL or one of its kin."""
    if value is None:
        return bytes((tag, 0))
    if isinstance(value, int):
        return integer(value, tag)
    if isinstance(value, bytes):
        return tlv(tag, value)
    return encode_oid(value)


def _message(data: bytes) -> Message:
    tag, at, end = header(data, 0, len(data))
    version, at = read_integer(data, at, end)
    if tag != Tag.SEQUENCE or version not in (Version.V1, Version.V2C):
        raise BerError("not a message with a community")
    community, at = read_octets(data, at, end)
    pdu = decode_pdu(data, at, end)
    return Message(community, pdu.verb, pdu.request_id, pdu.status, pdu.index, pdu.varbinds, Version(version))


def read_varbinds(data: bytes, at: int, end: int) -> list[VarBind]:
    """The bindings between `at` and `end`. Raises BerError, IndexError.

    Lengths below 128 are read in place: a call for each costs twice the time.
    """
    found: list[VarBind] = []
    while at < end:
        outer, start, at = data[at], at + 2, at + 2 + data[at + 1]
        if data[start - 1] & 0x80:
            outer, start, at = header(data, start - 2, end)
        name_tag, name, stop = data[start], start + 2, start + 2 + data[start + 1]
        if data[name - 1] & 0x80:
            name_tag, name, stop = header(data, start, at)
        tag, start, value_stop = data[stop], stop + 2, stop + 2 + data[stop + 1]
        if data[start - 1] & 0x80:
            tag, start, value_stop = header(data, stop, at)
        if outer != _SEQUENCE or name_tag != _OID or value_stop > at or at > end:
            raise BerError("not a variable binding, or cut short")
        contents = data[start:value_stop]
        value = contents if tag == _OCTETS else read_value(tag, contents)
        found.append((decode_oid(data[name:stop]), tag, value))
    return found


def read_value(tag: int, contents: bytes) -> Value | None:
    """The value; a type this protocol does not know is None, so that one odd object costs only itself."""
    signed = _SIGNED_BY_TAG.get(tag)
    if signed is not None:
        if not 1 <= len(contents) <= _MAX_INTEGER_OCTETS:
            raise BerError("not an integer of 64 bits")
        return int.from_bytes(contents, "big", signed=signed)
    if tag in _TEXT:
        return contents
    if tag == _OID:
        return decode_oid(contents) if contents else (0, 0)  # some agents send an empty one for 0.0
    return None
