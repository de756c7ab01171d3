"""SNMP messages as octets: what a client library would hide, these tests want to see."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.snmp import ber, pdu, v3
from simulator.snmp.ber import Oid
from tests.simulator.lab import WAIT_S

Place = tuple[str, int]
SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
SYS_DESCR, SYS_UP_TIME, SYS_NAME = (*SYSTEM, 1, 0), (*SYSTEM, 3, 0), (*SYSTEM, 5, 0)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
IF_HC_IN_OCTETS: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
IF_IN_OCTETS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10)
REQUEST_ID = 4711
V1, V2C = 0, 1
TAGS = {b"\x80": "noSuchObject", b"\x81": "noSuchInstance", b"\x82": "endOfMibView"}


@dataclass(frozen=True)
class Reply:
    """What a response says apart from its values: status, names, exceptions among the values."""

    status: int
    index: int
    varbinds: tuple[tuple[Oid, str], ...]


def question(
    tag: int,
    oids: Sequence[Oid],
    first: int = 0,
    second: int = 0,
    *,
    community: bytes = b"plaza",
    version: int = V2C,
    value: bytes = ber.NULL,
    request_id: int = REQUEST_ID,
) -> bytes:
    varbinds = b"".join(ber.tlv(ber.SEQUENCE, ber.oid(oid) + value) for oid in oids)
    body = (
        ber.integer(request_id) + ber.integer(first) + ber.integer(second) + ber.tlv(ber.SEQUENCE, varbinds)
    )
    return ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.octets(community) + ber.tlv(tag, body))


def exchange(address: Place, *messages: bytes, replies: int = 1) -> list[tuple[bytes, Place]]:
    """Send all, then wait for so many replies; each with where it came from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        for message in messages:
            sock.sendto(message, address)
        return [sock.recvfrom(65535) for _ in range(replies)]


def answer(address: Place, message: bytes) -> bytes | None:
    """The reply to one message, None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.connect(address)
        sock.send(message)
        try:
            return sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None


def understand(data: bytes) -> Reply:
    response = response_of(data)
    assert response.tag == pdu.RESPONSE
    assert response.request_id == ber.integer(REQUEST_ID)
    found, position = [], 0
    while position < len(response.varbinds):
        start, position = ber.expect(ber.SEQUENCE, response.varbinds, position)
        first, last = ber.expect(ber.OBJECT_IDENTIFIER, response.varbinds, start)
        kind = TAGS.get(response.varbinds[last : last + 1], "value")
        found.append((ber.to_oid(response.varbinds[first:last]), kind))
    return Reply(response.first, response.second, tuple(found))


def response_of(data: bytes) -> pdu.Pdu:
    """The PDU of a message of SNMPv1 or v2c."""
    start, end = ber.expect(ber.SEQUENCE, data, 0)
    assert end == len(data)
    _, position = ber.take_integer(data, start)
    _, position = ber.take_octets(data, position)
    return pdu.parse(data, position)


def discovery(message_id: int = 99) -> bytes:
    """The message a manager sends to an engine that it does not know, RFC 3414 §4."""
    nothing = ber.octets(b"")
    security = ber.tlv(ber.SEQUENCE, nothing + ber.integer(0) * 2 + nothing * 3)
    head = ber.integer(message_id) + ber.integer(65507) + ber.octets(b"\x04") + ber.integer(3)
    scoped = ber.tlv(
        ber.SEQUENCE, nothing * 2 + ber.tlv(pdu.GET, ber.integer(1) * 3 + ber.tlv(ber.SEQUENCE, b""))
    )
    message = ber.integer(3) + ber.tlv(ber.SEQUENCE, head) + ber.octets(security) + scoped
    return ber.tlv(ber.SEQUENCE, message)


def discover(address: Place) -> v3.Message:
    """An engine's own words about its engineID, boots and time."""
    [(report, _)] = exchange(address, discovery())
    return v3.parse(report)
