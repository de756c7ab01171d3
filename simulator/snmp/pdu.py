"""Answers one PDU from a view and a reading, as RFC 3416 §4.2, RFC 1157 §4.1 and net-snmp's agent do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from simulator.snmp import ber
from simulator.snmp.ber import BadMessage, Oid
from simulator.snmp.tree import R, View

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
GET_BULK: Final = 0xA5
REPORT: Final = 0xA8
TOO_BIG: Final = 1
NO_SUCH_NAME: Final = 2
GEN_ERR: Final = 5
NO_ACCESS: Final = 6
MAX_BULK_VARBINDS: Final = 100  # net-snmp's maxGetbulkResponses
_EXCEPTIONS: Final = frozenset({ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW})
_NO_ERROR: Final = b"\x02\x01\x00\x02\x01\x00"


@dataclass(frozen=True, slots=True)
class Pdu:
    """A request taken apart; `request_id` is still encoded, `varbinds` is the content of their list.

    `first` and `second` are error-status and error-index, in GETBULK non-repeaters and max-repetitions.
    """

    tag: int
    request_id: bytes
    first: int
    second: int
    varbinds: bytes


Slot = tuple[bytes, Callable[[Any], bytes]]
"""The encoded name of an answer's varbind, and its value read from a reading."""


class Dialect(Protocol):
    """How one version of SNMP answers; `reads` are the tags of its questions."""

    reads: frozenset[int]

    def answer(self, pdu: Pdu, view: View[R], reading: R, room: int) -> bytes | None:
        """The encoded response of at most `room` octets, None for what is no request. Raises BadMessage."""
        ...

    def too_big(self, pdu: Pdu) -> bytes:
        """The response that would not fit."""
        ...


class Modern:
    """SNMPv2c and SNMPv3, RFC 3416: what is missing is a value of its own."""

    reads = frozenset({GET, GET_NEXT, GET_BULK})

    def answer(self, pdu: Pdu, view: View[R], reading: R, room: int) -> bytes | None:
        """See Dialect."""
        if pdu.tag not in self.reads:
            return refusal(pdu, NO_ACCESS) if pdu.tag == SET else None
        varbinds = [varbind(name + read(reading)) for name, read in slots(pdu, view)]
        body = b"".join(varbinds)
        space = room - 40  # tag, lengths, request-id, error-status and error-index
        if len(body) <= space:
            return response(pdu, body)
        if pdu.tag == GET_BULK:
            return response(pdu, _that_fit(varbinds, space))
        return self.too_big(pdu)

    def too_big(self, pdu: Pdu) -> bytes:
        """See Dialect."""
        return _failed(pdu, TOO_BIG, 0, b"")


class Old:
    """SNMPv1, RFC 1157: one object that is missing fails the whole request; GETBULK is unheard of."""

    reads = frozenset({GET, GET_NEXT})

    def answer(self, pdu: Pdu, view: View[R], reading: R, room: int) -> bytes | None:
        """See Dialect; `view` has no Counter64."""
        if pdu.tag not in self.reads:
            return refusal(pdu, NO_SUCH_NAME) if pdu.tag == SET else None
        pairs = [(name, read(reading)) for name, read in slots(pdu, view)]
        for number, (_, value) in enumerate(pairs, start=1):
            if value in _EXCEPTIONS:
                return refusal(pdu, NO_SUCH_NAME, number)
        body = b"".join(varbind(name + value) for name, value in pairs)
        return response(pdu, body) if len(body) <= room - 40 else self.too_big(pdu)

    def too_big(self, pdu: Pdu) -> bytes:
        """See Dialect."""
        return refusal(pdu, TOO_BIG, 0)


def parse(data: bytes, position: int) -> Pdu:
    """The PDU at `position`. Raises BadMessage."""
    tag, start, end = ber.enter(data, position)
    _, behind = ber.take_integer(data, start)
    request_id = data[start:behind]
    first, behind = ber.take_integer(data, behind)
    second, behind = ber.take_integer(data, behind)
    start, stop = ber.expect(ber.SEQUENCE, data, behind)
    if stop > end:
        raise BadMessage("varbinds leave their PDU")
    return Pdu(tag, request_id, first, second, data[start:stop])


def refusal(pdu: Pdu, status: int, index: int = 1) -> bytes:
    """The request's own varbinds with an error at one of them."""
    return _failed(pdu, status, index, pdu.varbinds)


def response(pdu: Pdu, body: bytes) -> bytes:
    """A response without error; `body` is the content of its varbind list."""
    return _response(pdu, _NO_ERROR, body)


def _failed(pdu: Pdu, status: int, index: int, body: bytes) -> bytes:
    return _response(pdu, ber.integer(status) + ber.integer(index), body)


def _response(pdu: Pdu, status: bytes, body: bytes) -> bytes:
    return ber.tlv(RESPONSE, pdu.request_id + status + ber.tlv(ber.SEQUENCE, body))


def slots(pdu: Pdu, view: View[Any]) -> tuple[Slot, ...]:
    """What to answer to a request that is no SET. Raises BadMessage."""
    if pdu.tag == GET_BULK:
        return plan(view, GET_BULK, pdu.varbinds, max(0, pdu.first), max(0, pdu.second))
    return plan(view, pdu.tag, pdu.varbinds)


def _that_fit(varbinds: Sequence[bytes], space: int) -> bytes:
    body = bytearray()
    for varbind in varbinds:
        if len(body) + len(varbind) > space:
            break
        body += varbind
    return bytes(body)


def varbind(content: bytes) -> bytes:
    """A varbind of its encoded name and value."""
    size = len(content)
    return bytes((0x30, size)) + content if size < 128 else ber.tlv(ber.SEQUENCE, content)


@lru_cache(maxsize=4096)
def plan(
    view: View[Any], tag: int, varbinds: bytes, non_repeaters: int = 0, repetitions: int = 0
) -> tuple[Slot, ...]:
    """What to answer, whatever the values are: pollers send the same varbinds again and again."""
    oids = names(varbinds)
    if tag == GET:
        return tuple(_exact(view, oid) for oid in oids)
    if tag == GET_NEXT:
        return tuple(_next(view, oid)[0] for oid in oids)
    return _bulk(view, oids, non_repeaters, repetitions)


def names(varbinds: bytes) -> list[Oid]:
    """The OIDs of a varbind list. Raises BadMessage."""
    oids, position = [], 0
    while position < len(varbinds):
        start, position = ber.expect(ber.SEQUENCE, varbinds, position)
        first, end = ber.expect(ber.OBJECT_IDENTIFIER, varbinds, start)
        if end > position:
            raise BadMessage("name leaves its varbind")
        oids.append(ber.to_oid(varbinds[first:end]))
    return oids


def _exact(view: View[Any], oid: Oid) -> Slot:
    found = view.exact(oid)
    if found:
        return found.name, found.read
    missing = ber.NO_SUCH_INSTANCE if view.object_of(oid) else ber.NO_SUCH_OBJECT
    return ber.oid(oid), lambda reading: missing


def _next(view: View[Any], oid: Oid) -> tuple[Slot, Oid | None]:
    """The slot behind `oid`, and where to go on from; None at the end of the view."""
    found = view.following(oid)
    if found:
        return (found.name, found.read), found.oid
    return (ber.oid(oid), lambda reading: ber.END_OF_MIB_VIEW), None


def _bulk(view: View[Any], oids: list[Oid], non_repeaters: int, repetitions: int) -> tuple[Slot, ...]:
    found = [_next(view, oid)[0] for oid in oids[:non_repeaters]]
    heads = oids[non_repeaters:]
    if heads:
        repetitions = min(repetitions, max(1, (MAX_BULK_VARBINDS - len(found)) // len(heads)))
    for _ in range(repetitions if heads else 0):
        row = [_next(view, oid) for oid in heads]
        found += [slot for slot, _ in row]
        if all(behind is None for _, behind in row):
            break  # RFC 3416 §4.2.3: the end of the view need not be said again
        heads = [behind or oid for (_, behind), oid in zip(row, heads, strict=True)]
    return tuple(found)
