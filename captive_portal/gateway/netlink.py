"""Netlink: the octets in which Linux is told about its network, and asked.

Attributes and messages as <linux/netlink.h> has them, transactions as <linux/netfilter/nfnetlink.h> does.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from captive_portal.gateway.errors import Refused

REQUEST: Final = 0x1
ACK: Final = 0x4
EXCLUSIVE: Final = 0x200
CREATE: Final = 0x400
DUMP: Final = 0x300

ROUTE: Final = 0
"""The protocol of routes, rules and neighbours."""

_NETFILTER: Final = 12
_ERROR: Final = 2
_DONE: Final = 3
_BATCH_BEGIN: Final = 0x10
_BATCH_END: Final = 0x11
_NFTABLES: Final = 10
_NESTED: Final = 0x8000
_KIND: Final = 0x3FFF
_TIMEOUT_S: Final = 20
_PIECE: Final = 1 << 16
_TRIES: Final = 20

_GENERATION: Final = slice(2, 4)
"""Where struct nfgenmsg says after how many changes of the rules this was so: a list of elements comes in
pieces, and the kernel skips some where others went in between, without the flag that it has for that."""

_HEADER: Final = struct.Struct("=IHHII")  # length with header, kind, flags, sequence, port
_ATTRIBUTE: Final = struct.Struct("=HH")  # length with header, kind
_NUMBER: Final = struct.Struct("=i")

Opened = Callable[[int, int, int], socket.socket]


@dataclass(frozen=True, slots=True)
class Message:
    """One request or answer; `body` begins with the header of its family. It may name a phone: no repr."""

    kind: int
    flags: int
    body: bytes = field(repr=False)
    sequence: int = 0


def leaf(kind: int, value: bytes) -> bytes:
    """An attribute, padded to four octets."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def nest(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return leaf(kind | _NESTED, b"".join(parts))


def attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each attribute, in order. Raises ValueError."""
    place = 0
    while place < len(octets):
        length, kind = _head(_ATTRIBUTE, octets, place)
        yield kind & _KIND, octets[place + _ATTRIBUTE.size : place + length]
        place += _aligned(length)


def packed(message: Message) -> bytes:
    """A message as it is sent; the kernel fills in our port."""
    length = _HEADER.size + len(message.body)
    header = _HEADER.pack(length, message.kind, message.flags, message.sequence, 0)
    return header + message.body + bytes(-length % 4)


def messages(octets: bytes) -> Iterator[Message]:
    """The messages of one datagram. Raises ValueError."""
    place = 0
    while place < len(octets):
        length, kind, flags, sequence, _ = _head(_HEADER, octets, place)
        yield Message(kind, flags, octets[place + _HEADER.size : place + length], sequence)
        place += _aligned(length)


@dataclass(frozen=True, slots=True)
class Channel:
    """The way to nftables, or to another part; each call opens a socket of its own, so threads may share it.

    `opened` makes the socket: it belongs to the network namespace in which it was made.
    """

    opened: Opened = socket.socket
    protocol: int = _NETFILTER

    def batch(self, wanted: Sequence[Message]) -> None:
        """Carry out all messages for nftables, or none. Raises Refused."""
        framed = [_frame(_BATCH_BEGIN), *wanted, _frame(_BATCH_END)]
        last = len(wanted)
        flags = [one.flags | REQUEST for one in framed]
        flags[last] |= ACK  # the kernel answers in order: with this one all is said
        numbered = [
            Message(one.kind, flag, one.body, sequence)
            for sequence, (one, flag) in enumerate(zip(framed, flags, strict=True))
        ]
        failures = []
        for answer in self._answers(b"".join(map(packed, numbered)), last):
            number = _outcome(answer)
            if number:
                failures.append((answer.sequence - 1, number))
        if failures:
            raise Refused(tuple(failures))

    def dump(self, wanted: Message) -> list[Message]:
        """All that the kernel holds of a kind, of one moment. Raises Refused."""
        for _ in range(_TRIES):
            answers = self._asked(wanted, DUMP)[:-1]
            if len({one.body[_GENERATION] for one in answers}) <= 1:
                return answers
        raise Refused(((0, errno.EINTR),))

    def get(self, wanted: Message) -> list[Message]:
        """The one thing that is asked for, or nothing where something is to be done. Raises Refused."""
        return self._asked(wanted, ACK)[:-1]

    def _asked(self, wanted: Message, how: int) -> list[Message]:
        asked = packed(Message(wanted.kind, wanted.flags | REQUEST | how, wanted.body, 1))
        answers = list(self._answers(asked, 1))
        if number := _outcome(answers[-1]):
            raise Refused(((0, number),))
        return answers

    def _answers(self, asked: bytes, last: int) -> Iterator[Message]:
        """What comes back, up to the end of what was asked or of message number `last`. Raises Refused."""
        try:
            with self.opened(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, self.protocol) as link:
                link.settimeout(_TIMEOUT_S)
                link.sendto(asked, (0, 0))
                while True:
                    for answer in messages(link.recv(_PIECE)):
                        yield answer
                        if answer.kind in (_ERROR, _DONE) and _ends(answer, last):
                            return
        except OSError as error:
            raise Refused(((-1, error.errno or errno.ETIMEDOUT),)) from error
        except ValueError as error:
            raise Refused(((-1, errno.EBADMSG),)) from error


def _ends(answer: Message, last: int) -> bool:
    # a batch whose frame is refused is told as its first message, and nothing follows that is ours
    return answer.sequence == last or (answer.sequence == 0 and _outcome(answer) != 0)


def _outcome(answer: Message) -> int:
    """The error's number in an acknowledgement or at the end of a dump; 0 is none. Raises Refused."""
    if len(answer.body) < _NUMBER.size:
        return 0
    number: int = _NUMBER.unpack_from(answer.body)[0]
    return -number if answer.kind in (_ERROR, _DONE) and number < 0 else 0


def _frame(kind: int) -> Message:
    return Message(kind, 0, struct.pack("=BB", socket.AF_UNSPEC, 0) + struct.pack(">H", _NFTABLES))


def _head(layout: struct.Struct, octets: bytes, place: int) -> tuple[int, ...]:
    """The header at this place, whose first number is a length that fits. Raises ValueError."""
    if len(octets) - place < layout.size:
        raise ValueError("netlink: shorter than its header")
    found = layout.unpack_from(octets, place)
    if not layout.size <= found[0] <= len(octets) - place:
        raise ValueError("netlink: a length that is none")
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
