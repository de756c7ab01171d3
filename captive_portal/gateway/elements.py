"""The elements and the quotas of an nftables table, as values.

What netlink carries of them is in <linux/netfilter/nf_tables.h>.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from captive_portal.gateway.netlink import CREATE, EXCLUSIVE, Channel, Message, attributes, leaf, nest

INET: Final = 1  # NFPROTO_INET
BRIDGE: Final = 7  # NFPROTO_BRIDGE

_NEWSETELEM, _GETSETELEM, _DELSETELEM = 0x0A0C, 0x0A0D, 0x0A0E
_NEWOBJ, _GETOBJ, _DELOBJ = 0x0A12, 0x0A13, 0x0A14
_COUNTER: Final = 1  # NFT_OBJECT_COUNTER
_QUOTA: Final = 2  # NFT_OBJECT_QUOTA
_OVER: Final = 1  # the quota matches what is beyond it
_INVERTED: Final = 1  # the limit matches what is over it
_BY_OCTETS: Final = 1
_PER_SECOND: Final = 1
_MOST_OCTETS: Final = 2**63 - 1  # of a quota; the kernel refuses more

# of a set element
_KEY, _DATA, _TIMEOUT, _EXPIRATION, _USERDATA, _EXPRESSION, _OBJECT = 1, 2, 4, 5, 6, 7, 9
_VALUE, _TABLE, _SET, _LISTED, _ONE, _COMMENT = 1, 1, 2, 3, 1, 0
# of an object, and of a quota in it
_NAME, _TYPE, _OBJECT_DATA = 2, 3, 4
_BYTES, _FLAGS, _CONSUMED = 1, 2, 4
_PACKETS: Final = 2  # of a counter
# of an expression in an element, which is a limit or a counter
_EXPRESSION_NAME, _EXPRESSION_DATA, _COUNTED_OCTETS = 1, 2, 1
_RATE, _UNIT, _BURST, _LIMIT_TYPE, _LIMIT_FLAGS = 1, 2, 3, 4, 5

_BE64: Final = struct.Struct(">Q")
_BE32: Final = struct.Struct(">I")
_HOST32: Final = struct.Struct("=I")
_HEADER: Final = struct.Struct("=BBH")  # struct nfgenmsg: family, version, resource


@dataclass(frozen=True, slots=True)
class Limit:
    """Matches what is over so many octets a second, when the burst is used up."""

    octets_per_s: int
    burst: int


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set or a map, which gives `data`, or the object of that name.

    `expires_ms` and `octets` (counted so far, None where nobody counts) are told by the kernel alone. A key
    may name a phone: no repr.
    """

    set: str
    key: bytes = field(repr=False)
    timeout_ms: int = 0
    data: bytes = b""
    object: str = ""
    comment: str = ""
    limit: Limit | None = None
    expires_ms: int = 0
    octets: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A named quota: it lets `octets` pass, of which `used` have."""

    name: str
    octets: int
    used: int = 0

    @property
    def depleted(self) -> bool:
        """Whether it lets nothing pass any more."""
        return self.used >= self.octets


def ether(mac: str) -> bytes:
    """The key of `ether_addr`. Raises ValueError."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) != 6:
        raise ValueError("a MAC has six octets")
    return octets


def read_ether(key: bytes) -> str:
    """The MAC, lower case with colons, of such a key."""
    return key[:6].hex(":")


def mac_ip(mac: str, ip: str) -> bytes:
    """The key of `ether_addr . ipv4_addr`. Raises ValueError."""
    return ether(mac) + bytes(2) + ipaddress.IPv4Address(ip).packed


def read_mac_ip(key: bytes) -> tuple[str, str]:
    """The MAC, lower case with colons, and the address of such a key."""
    return read_ether(key), socket.inet_ntoa(key[8:12])


def mark(number: int) -> bytes:
    """The key, or the data, of `mark`."""
    return _HOST32.pack(number)


def read_mark(octets: bytes) -> int:
    """The number of such a key."""
    number: int = _HOST32.unpack(octets)[0]
    return number


@dataclass(frozen=True, slots=True)
class Table:
    """A table, over a channel."""

    name: str
    channel: Channel
    family: int = INET

    def added(self, element: Element) -> Message:
        """Put an element in; one that is there keeps its timeout on kernels before 6.12."""
        return Message(_NEWSETELEM, CREATE, self._element(element))

    def created(self, element: Element) -> Message:
        """Put an element in; it is refused (EEXIST) when it is there."""
        return Message(_NEWSETELEM, CREATE | EXCLUSIVE, self._element(element))

    def removed(self, element: Element) -> Message:
        """Take an element out; it is refused (ENOENT) when it is not there."""
        return Message(_DELSETELEM, 0, self._element(Element(element.set, element.key)))

    def emptied(self, name: str) -> Message:
        """Take all elements out of a set."""
        return Message(_DELSETELEM, 0, self._header + leaf(_SET, _text(name)))

    def quota(self, quota: Quota) -> Message:
        """Make a quota, with what was used of it."""
        octets = min(quota.octets, _MOST_OCTETS)
        numbers = (
            leaf(_BYTES, _BE64.pack(octets)),
            leaf(_FLAGS, _BE32.pack(_OVER)),
            leaf(_CONSUMED, _BE64.pack(min(quota.used, octets))),  # more is refused
        )
        return Message(_NEWOBJ, CREATE, self._named(quota.name) + nest(_OBJECT_DATA, *numbers))

    def quota_removed(self, name: str) -> Message:
        """Forget a quota, which no element names any more."""
        return Message(_DELOBJ, 0, self._named(name))

    def elements(self, name: str) -> Iterator[Element]:
        """All elements of a set. Raises Refused."""
        body = self._header + leaf(_SET, _text(name))
        for answer in self.channel.dump(Message(_GETSETELEM, 0, body)):
            yield from _read_elements(name, answer)

    def element(self, name: str, key: bytes) -> Element:
        """The one with this key. Raises Refused, with ENOENT when it is not there."""
        asked = Message(_GETSETELEM, 0, self._element(Element(name, key)))
        (found,) = (one for answer in self.channel.get(asked) for one in _read_elements(name, answer))
        return found

    def quotas(self) -> Mapping[str, Quota]:
        """All quotas, by name. Raises Refused."""
        body = self._header + leaf(_TYPE, _BE32.pack(_QUOTA))
        answers = self.channel.dump(Message(_GETOBJ, 0, body))
        found = (_read_quota(dict(attributes(one.body[_HEADER.size :]))) for one in answers)
        return {quota.name: quota for quota in found}

    def packets(self, counter: str) -> int:
        """How many packets a named counter counted. Raises Refused, with ENOENT when it is not there."""
        (found,) = self.channel.get(Message(_GETOBJ, 0, self._named(counter, _COUNTER)))
        numbers = dict(attributes(found.body[_HEADER.size :]))
        return _number(dict(attributes(numbers[_OBJECT_DATA])), _PACKETS)

    def _named(self, name: str, kind_of: int = _QUOTA) -> bytes:
        kind = leaf(_TYPE, _BE32.pack(kind_of))
        return self._header + leaf(_NAME, _text(name)) + kind

    def _element(self, element: Element) -> bytes:
        fields = nest(_ONE, *_written(element))
        return self._header + leaf(_SET, _text(element.set)) + nest(_LISTED, fields)

    @property
    def _header(self) -> bytes:
        return _HEADER.pack(self.family, 0, 0) + leaf(_TABLE, _text(self.name))


def _written(element: Element) -> Iterator[bytes]:
    yield nest(_KEY, leaf(_VALUE, element.key))
    if element.data:
        yield nest(_DATA, leaf(_VALUE, element.data))
    if element.timeout_ms:
        yield leaf(_TIMEOUT, _BE64.pack(element.timeout_ms))
    if element.comment:
        text = _text(element.comment)
        yield leaf(_USERDATA, bytes([_COMMENT, len(text)]) + text)
    if element.limit:
        name, data = leaf(_EXPRESSION_NAME, _text("limit")), nest(_EXPRESSION_DATA, *_limit(element.limit))
        yield nest(_EXPRESSION, name, data)
    if element.object:
        yield leaf(_OBJECT, _text(element.object))


def _limit(limit: Limit) -> Iterator[bytes]:
    yield leaf(_RATE, _BE64.pack(limit.octets_per_s))
    yield leaf(_UNIT, _BE64.pack(_PER_SECOND))
    yield leaf(_BURST, _BE32.pack(limit.burst))
    yield leaf(_LIMIT_TYPE, _BE32.pack(_BY_OCTETS))
    yield leaf(_LIMIT_FLAGS, _BE32.pack(_INVERTED))


def _read_elements(name: str, answer: Message) -> Iterator[Element]:
    fields = dict(attributes(answer.body[_HEADER.size :]))
    for _, octets in attributes(fields.get(_LISTED, b"")):
        yield _read_element(name, dict(attributes(octets)))


def _read_element(name: str, fields: Mapping[int, bytes]) -> Element:
    expression = dict(attributes(fields.get(_EXPRESSION, b"")))
    kind = _untexted(expression.get(_EXPRESSION_NAME, b""))
    numbers = dict(attributes(expression.get(_EXPRESSION_DATA, b"")))
    return Element(
        name,
        _value(fields[_KEY]),
        _number(fields, _TIMEOUT),
        _value(fields[_DATA]) if _DATA in fields else b"",
        _untexted(fields.get(_OBJECT, b"")),
        _read_comment(fields.get(_USERDATA, b"")),
        _read_limit(numbers) if kind == "limit" else None,
        _number(fields, _EXPIRATION),
        _number(numbers, _COUNTED_OCTETS) if kind == "counter" else None,
    )


def _read_limit(numbers: Mapping[int, bytes]) -> Limit:
    burst: int = _BE32.unpack(numbers[_BURST])[0]
    return Limit(_number(numbers, _RATE), burst)


def _read_quota(fields: Mapping[int, bytes]) -> Quota:
    numbers = dict(attributes(fields[_OBJECT_DATA]))
    return Quota(_untexted(fields[_NAME]), _number(numbers, _BYTES), _number(numbers, _CONSUMED))


def _read_comment(userdata: bytes) -> str:
    """The text among type-length-value triples; "" when there is none."""
    while len(userdata) >= 2:
        kind, length = userdata[:2]
        if kind == _COMMENT:
            return _untexted(userdata[2 : 2 + length])
        userdata = userdata[2 + length :]
    return ""


def _value(nested: bytes) -> bytes:
    return dict(attributes(nested))[_VALUE]


def _number(fields: Mapping[int, bytes], kind: int) -> int:
    number: int = _BE64.unpack(fields[kind])[0] if kind in fields else 0
    return number


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _untexted(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode(errors="replace")
