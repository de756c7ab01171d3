"""The responder behaves as a real snmpd does, question by question."""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from simulator.snmp import ber, pdu
from simulator.snmp.ber import Oid
from tests import need
from tests.simulator.lab import ap_spec, free_port, frozen, until

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
SYS_DESCR, SYS_UP_TIME, SYS_NAME = (*SYSTEM, 1, 0), (*SYSTEM, 3, 0), (*SYSTEM, 5, 0)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
IF_IN_OCTETS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10)
LAST: Oid = (2, 999)
TAGS = {b"\x80": "noSuchObject", b"\x81": "noSuchInstance", b"\x82": "endOfMibView"}


@dataclass(frozen=True)
class Reply:
    """What a response says apart from its values: status, names, exceptions among the values."""

    status: int
    index: int
    varbinds: tuple[tuple[Oid, str], ...]


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A real snmpd whose one community may read everything."""
    program = need.program("snmpd", "snmpd")
    home, port = tmp_path_factory.mktemp("snmpd"), free_port()
    (home / "snmpd.conf").write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity plaza\n")
    command = [
        program,
        "-f",
        "-C",
        "-c",
        str(home / "snmpd.conf"),
        "-p",
        str(home / "pid"),
        "-Lf",
        str(home / "log"),
    ]
    process = subprocess.Popen(command, env=os.environ | {"SNMP_PERSISTENT_DIR": str(home)})
    address = ("127.0.0.1", port)
    until(lambda: ask(address, pdu.GET, [SYS_DESCR]), "snmpd's first answer")
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def ours() -> Iterator[tuple[str, int]]:
    """A virtual access point."""
    with frozen(ap_spec()) as ap:
        yield ap.spec.snmp.host, ap.spec.snmp.port


def ask(
    address: tuple[str, int],
    tag: int,
    oids: Sequence[Oid],
    first: int = 0,
    second: int = 0,
    *,
    community: bytes = b"plaza",
    version: int = 1,
    value: bytes = ber.NULL,
) -> Reply | None:
    """The reply to one request, None for silence."""
    varbinds = b"".join(ber.tlv(ber.SEQUENCE, ber.oid(oid) + value) for oid in oids)
    body = ber.integer(4711) + ber.integer(first) + ber.integer(second) + ber.tlv(ber.SEQUENCE, varbinds)
    message = ber.tlv(ber.SEQUENCE, ber.integer(version) + ber.octets(community) + ber.tlv(tag, body))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.connect(address)
        sock.send(message)
        try:
            return understand(sock.recv(65535))
        except (TimeoutError, ConnectionRefusedError):
            return None


def understand(data: bytes) -> Reply:
    start, end = ber.expect(ber.SEQUENCE, data, 0)
    assert end == len(data)
    _, position = ber.take_integer(data, start)
    _, position = ber.take_octets(data, position)
    response = pdu.parse(data, position)
    assert response.tag == pdu.RESPONSE
    assert response.request_id == ber.integer(4711)
    found, position = [], 0
    while position < len(response.varbinds):
        start, position = ber.expect(ber.SEQUENCE, response.varbinds, position)
        first, last = ber.expect(ber.OBJECT_IDENTIFIER, response.varbinds, start)
        kind = TAGS.get(response.varbinds[last : last + 1], "value")
        found.append((ber.to_oid(response.varbinds[first:last]), kind))
    return Reply(response.first, response.second, tuple(found))


SAME = {
    "get of scalars": (pdu.GET, [SYS_DESCR, SYS_UP_TIME, SYS_NAME], 0, 0),
    "get of the same twice": (pdu.GET, [SYS_DESCR, SYS_DESCR], 0, 0),
    "get of a scalar without its instance": (pdu.GET, [(*SYSTEM, 1)], 0, 0),
    "get of a scalar with a wrong instance": (pdu.GET, [(*SYSTEM, 1, 1)], 0, 0),
    "get of a row that is not there": (pdu.GET, [(*IF_IN_OCTETS, 99999), SYS_DESCR], 0, 0),
    "get of an object nobody has": (pdu.GET, [(1, 3, 6, 1, 4, 1, 99999, 1, 0), SYS_DESCR], 0, 0),
    "get without names": (pdu.GET, [], 0, 0),
    "next of scalars": (pdu.GET_NEXT, [SYSTEM, SYS_DESCR, (*SYSTEM, 1)], 0, 0),
    "next of a column": (pdu.GET_NEXT, [IF_NAME, IF_IN_OCTETS], 0, 0),
    "next at the end": (pdu.GET_NEXT, [LAST, SYSTEM], 0, 0),
    "bulk of two columns": (pdu.GET_BULK, [IF_NAME, IF_IN_OCTETS], 0, 1),
    "bulk with non-repeaters": (pdu.GET_BULK, [SYSTEM, IF_NAME], 1, 1),
    "bulk with only non-repeaters": (pdu.GET_BULK, [SYSTEM, IF_NAME], 2, 10),
    "bulk without repetitions": (pdu.GET_BULK, [SYSTEM, IF_NAME], 1, 0),
    "bulk with negative numbers": (pdu.GET_BULK, [SYSTEM], -1, -1),
    "bulk of scalars in a row": (pdu.GET_BULK, [SYSTEM], 0, 3),
    "bulk at the end": (pdu.GET_BULK, [LAST], 0, 5),
    "bulk with one name at the end": (pdu.GET_BULK, [SYSTEM, LAST], 0, 2),
}


@pytest.mark.parametrize("question", SAME.values(), ids=SAME.keys())
def test_the_answer_is_snmpd_s(
    snmpd: tuple[str, int], ours: tuple[str, int], question: tuple[int, list[Oid], int, int]
) -> None:
    tag, oids, first, second = question
    assert ask(ours, tag, oids, first, second) == ask(snmpd, tag, oids, first, second)


def test_a_bulk_of_everything_is_cut_where_snmpd_cuts_it(
    snmpd: tuple[str, int], ours: tuple[str, int]
) -> None:
    for columns in ([(1, 3)], [(1, 3), (1, 3)], [(1, 3), (1, 3), (1, 3)]):
        theirs = ask(snmpd, pdu.GET_BULK, columns, 0, 1000)
        mine = ask(ours, pdu.GET_BULK, columns, 0, 1000)
        assert theirs is not None
        assert mine is not None
        assert len(mine.varbinds) == len(theirs.varbinds)


def test_a_set_is_refused_with_snmpd_s_status(snmpd: tuple[str, int], ours: tuple[str, int]) -> None:
    name = ber.octets(b"mine")
    assert ask(ours, pdu.SET, [SYS_NAME], value=name) == ask(snmpd, pdu.SET, [SYS_NAME], value=name)


@pytest.mark.parametrize("wrong", [{"community": b"public"}, {"community": b""}, {"version": 7}])
def test_a_stranger_hears_nothing(
    snmpd: tuple[str, int], ours: tuple[str, int], wrong: dict[str, Any]
) -> None:
    assert ask(snmpd, pdu.GET, [SYS_DESCR], **wrong) is None
    assert ask(ours, pdu.GET, [SYS_DESCR], **wrong) is None


def test_a_response_is_no_question(snmpd: tuple[str, int], ours: tuple[str, int]) -> None:
    assert ask(snmpd, pdu.RESPONSE, [SYS_DESCR]) is None
    assert ask(ours, pdu.RESPONSE, [SYS_DESCR]) is None
