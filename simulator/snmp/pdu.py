"""Answers one PDU from a tree and a reading, as RFC 3416 §4.2 and net-snmp's agent do."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from simulator.reading import Reading
from simulator.snmp import ber
from simulator.snmp.ber import BadMessage, Oid
from simulator.snmp.mib import Read, Tree

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
GET_BULK: Final = 0xA5
REPORT: Final = 0xA8
TOO_BIG: Final = 1
NO_ACCESS: Final = 6
MAX_BULK_VARBINDS: Final = 100  # net-snmp's maxGetbulkResponses
_ANSWERED: Final = frozenset({GET, GET_NEXT, SET, GET_BULK})
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


Slot = tuple[bytes, Read]
"""The encoded name of an answer's varbind and its value."""


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


def answer(pdu: Pdu, tree: Tree, reading: Reading, room: int) -> bytes | None:
    """The encoded response of at most `room` octets, or None for what is no request. Raises BadMessage."""
    if pdu.tag not in _ANSWERED:
        return None
    if pdu.tag == SET:
        return refusal(pdu, NO_ACCESS)
    if pdu.tag == GET_BULK:
        slots = plan(tree, GET_BULK, pdu.varbinds, max(0, pdu.first), max(0, pdu.second))
    else:
        slots = plan(tree, pdu.tag, pdu.varbinds)
    varbinds = [_varbind(name + read(reading)) for name, read in slots]
    body = b"".join(varbinds)
    space = room - 40  # tag, lengths, request-id, error-status and error-index
    if len(body) <= space:
        return _response(pdu, _NO_ERROR, body)
    if pdu.tag == GET_BULK:
        return _response(pdu, _NO_ERROR, _that_fit(varbinds, space))
    return _response(pdu, ber.integer(TOO_BIG) + ber.integer(0), b"")


def refusal(pdu: Pdu, status: int) -> bytes:
    """The request's own varbinds with an error at the first."""
    return _response(pdu, ber.integer(status) + ber.integer(1), pdu.varbinds)


def _response(pdu: Pdu, status: bytes, body: bytes) -> bytes:
    return ber.tlv(RESPONSE, pdu.request_id + status + ber.tlv(ber.SEQUENCE, body))


def _that_fit(varbinds: Sequence[bytes], space: int) -> bytes:
    body = bytearray()
    for varbind in varbinds:
        if len(body) + len(varbind) > space:
            break
        body += varbind
    return bytes(body)


def _varbind(content: bytes) -> bytes:
    size = len(content)
    return bytes((0x30, size)) + content if size < 128 else ber.tlv(ber.SEQUENCE, content)


@lru_cache(maxsize=4096)
def plan(
    tree: Tree, tag: int, varbinds: bytes, non_repeaters: int = 0, repetitions: int = 0
) -> tuple[Slot, ...]:
    """What to answer, whatever the values are: pollers send the same varbinds again and again."""
    oids = names(varbinds)
    if tag == GET:
        return tuple(_exact(tree, oid) for oid in oids)
    if tag == GET_NEXT:
        return tuple(_next(tree, oid)[0] for oid in oids)
    return _bulk(tree, oids, non_repeaters, repetitions)


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


def _exact(tree: Tree, oid: Oid) -> Slot:
    found = tree.exact(oid)
    if found:
        return found.name, found.read
    missing = ber.NO_SUCH_INSTANCE if tree.knows_object(oid) else ber.NO_SUCH_OBJECT
    return ber.oid(oid), lambda reading: missing


def _next(tree: Tree, oid: Oid) -> tuple[Slot, Oid | None]:
    """The slot behind `oid`, and where to go on from; None at the end of the view."""
    found = tree.following(oid)
    if found:
        return (found.name, found.read), found.oid
    return (ber.oid(oid), lambda reading: ber.END_OF_MIB_VIEW), None


def _bulk(tree: Tree, oids: list[Oid], non_repeaters: int, repetitions: int) -> tuple[Slot, ...]:
    slots = [_next(tree, oid)[0] for oid in oids[:non_repeaters]]
    heads = oids[non_repeaters:]
    if heads:
        repetitions = min(repetitions, max(1, (MAX_BULK_VARBINDS - len(slots)) // len(heads)))
    for _ in range(repetitions if heads else 0):
        row = [_next(tree, oid) for oid in heads]
        slots += [slot for slot, _ in row]
        if all(behind is None for _, behind in row):
            break  # RFC 3416 §4.2.3: the end of the view need not be said again
        heads = [behind or oid for (_, behind), oid in zip(row, heads, strict=True)]
    return tuple(slots)
