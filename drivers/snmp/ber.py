"""SNMPv2c messages as BER octets, both ways (RFC 3416, X.690; definite lengths only)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from drivers.snmp.seam import Oid, Value

_VERSION_2C: Final = b"\x02\x01\x01"
_MAX_SUBIDENTIFIERS: Final = 128
_MAX_SUBIDENTIFIER: Final = 0xFFFFFFFF
_MAX_INTEGER_OCTETS: Final = 9

VarBind = tuple[Oid, int, Value | None]
"""Name, BER tag, value; the value is None for NULL, noSuchObject, noSuchInstance and endOfMibView."""


class BerError(ValueError):
    """These octets are not a message of the kind asked for."""


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


@dataclass(frozen=True, slots=True)
class Message:
    """One v2c message. For BULK, `status` is non-repeaters and `index` max-repetitions (RFC 3416 §3)."""

    community: bytes
    verb: int
    request_id: int
    status: int = 0
    index: int = 0
    varbinds: Sequence[VarBind] = ()


_SIGNED_BY_TAG: Final = {
    int(Tag.INTEGER): True,
    int(Tag.COUNTER32): False,
    int(Tag.GAUGE32): False,
    int(Tag.TIME_TICKS): False,
    int(Tag.COUNTER64): False,
    int(Tag.UNSIGNED32): False,
}
_TEXT: Final = frozenset({int(Tag.OCTETS), int(Tag.IP_ADDRESS), int(Tag.OPAQUE)})
_SEQUENCE, _OID, _OCTETS = int(Tag.SEQUENCE), int(Tag.OID), int(Tag.OCTETS)  # an enum's lookup costs


def encode(message: Message) -> bytes:
    """The whole message."""
    tail = _integer(message.status) + _integer(message.index)
    varbinds = b"".join(_tlv(Tag.SEQUENCE, encode_oid(n) + _value(tag, v)) for n, tag, v in message.varbinds)
    pdu = _integer(message.request_id) + tail + _tlv(Tag.SEQUENCE, varbinds)
    return _envelope(message.community, _tlv(message.verb, pdu))


@lru_cache(maxsize=4096)
def request_template(verb: Verb, oids: tuple[Oid, ...], repetitions: int) -> tuple[bytes, bytes]:
    """A request PDU before and after its request id, which takes four octets: encoded once, sent often."""
    varbinds = b"".join(_tlv(Tag.SEQUENCE, encode_oid(oid) + b"\x05\x00") for oid in oids)
    tail = _integer(0) + _integer(repetitions) + _tlv(Tag.SEQUENCE, varbinds)
    head, _, rest = _tlv(verb, b"\x02\x04IDID" + tail).partition(b"IDID")
    return head, rest


def encode_request(community: bytes, template: tuple[bytes, bytes], request_id: int) -> bytes:
    """A request from its template; `request_id` is 0 … 2³¹-1."""
    return _envelope(community, template[0] + request_id.to_bytes(4, "big") + template[1])


def decode(datagram: bytes) -> Message:
    """The message in a datagram; octets after it are disregarded. Raises BerError and nothing else."""
    try:
        return _message(datagram)
    except IndexError as error:
        raise BerError("truncated") from error


@lru_cache(maxsize=16384)
def encode_oid(oid: Oid) -> bytes:
    """An OBJECT IDENTIFIER with its tag. Raises BerError when it has no encoding."""
    if len(oid) < 2 or len(oid) > _MAX_SUBIDENTIFIERS or oid[0] > 2 or (oid[0] < 2 and oid[1] > 39):
        raise BerError(f"no such OID: {oid}")
    if min(oid) < 0 or max(oid) > _MAX_SUBIDENTIFIER:
        raise BerError(f"no such OID: {oid}")
    return _tlv(Tag.OID, b"".join(map(_subidentifier, (oid[0] * 40 + oid[1], *oid[2:]))))


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


def _envelope(community: bytes, pdu: bytes) -> bytes:
    return _tlv(Tag.SEQUENCE, _VERSION_2C + _tlv(Tag.OCTETS, community) + pdu)


def _tlv(tag: int, contents: bytes) -> bytes:
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + contents


def _integer(number: int, tag: int = Tag.INTEGER) -> bytes:
    return _tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def _subidentifier(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _value(tag: int, value: Value | None) -> bytes:
    if value is None:
        return bytes((tag, 0))
    if isinstance(value, int):
        return _integer(value, tag)
    if isinstance(value, bytes):
        return _tlv(tag, value)
    return encode_oid(value)


def _message(data: bytes) -> Message:
    tag, at, end = _header(data, 0, len(data))
    if tag != Tag.SEQUENCE or data[at : at + 3] != _VERSION_2C:
        raise BerError("not an SNMPv2c message")
    tag, start, at = _header(data, at + 3, end)
    if tag != Tag.OCTETS:
        raise BerError("no community")
    community = data[start:at]
    verb, at, end = _header(data, at, end)
    request_id, at = _read_integer(data, at, end)
    status, at = _read_integer(data, at, end)
    index, at = _read_integer(data, at, end)
    tag, at, end = _header(data, at, end)
    if tag != Tag.SEQUENCE:
        raise BerError("no variable bindings")
    return Message(community, verb, request_id, status, index, _varbinds(data, at, end))


def _header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and stop of the contents at `at`; they must not pass `end`."""
    start = at + 2
    length = data[at + 1]
    if length & 0x80:
        size = length & 0x7F
        start += size
        if not 1 <= size <= 4 or start > end:
            raise BerError("bad length")
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > end:
        raise BerError("truncated")
    return data[at], start, start + length


def _read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    tag, start, stop = _header(data, at, end)
    if tag != Tag.INTEGER or not 1 <= stop - start <= 4:
        raise BerError("no integer of 32 bits")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def _varbinds(data: bytes, at: int, end: int) -> list[VarBind]:
    """The hot loop of polling: lengths below 128 are read in place, a call for each costs twice the time."""
    found: list[VarBind] = []
    while at < end:
        outer, start, at = data[at], at + 2, at + 2 + data[at + 1]
        if data[start - 1] & 0x80:
            outer, start, at = _header(data, start - 2, end)
        name_tag, name, stop = data[start], start + 2, start + 2 + data[start + 1]
        if data[name - 1] & 0x80:
            name_tag, name, stop = _header(data, start, at)
        tag, start, value_stop = data[stop], stop + 2, stop + 2 + data[stop + 1]
        if data[start - 1] & 0x80:
            tag, start, value_stop = _header(data, stop, at)
        if outer != _SEQUENCE or name_tag != _OID or value_stop > at or at > end:
            raise BerError("not a variable binding, or cut short")
        contents = data[start:value_stop]
        value = contents if tag == _OCTETS else _read_value(tag, contents)
        found.append((decode_oid(data[name:stop]), tag, value))
    return found


def _read_value(tag: int, contents: bytes) -> Value | None:
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
