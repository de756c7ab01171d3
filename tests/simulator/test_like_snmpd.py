"""The responder behaves as a real snmpd does, question by question."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from simulator.snmp import ber, pdu
from simulator.snmp.ber import Oid
from tests import need
from tests.simulator.lab import ap_spec, free_port, frozen, until
from tests.simulator.wire import (
    IF_HC_IN_OCTETS,
    IF_IN_OCTETS,
    IF_NAME,
    SYS_DESCR,
    SYS_NAME,
    SYS_UP_TIME,
    SYSTEM,
    V1,
    Place,
    Reply,
    answer,
    question,
    understand,
)

LAST: Oid = (2, 999)


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
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
def ours() -> Iterator[Place]:
    """A virtual access point."""
    with frozen(ap_spec()) as ap:
        yield ap.spec.snmp.host, ap.spec.snmp.port


@pytest.fixture(scope="module")
def ours_v1() -> Iterator[Place]:
    """A virtual access point that speaks SNMPv1."""
    with frozen(ap_spec(version="1")) as ap:
        yield ap.spec.snmp.host, ap.spec.snmp.port


def ask(
    address: Place, tag: int, oids: Sequence[Oid], first: int = 0, second: int = 0, **how: Any
) -> Reply | None:
    """The reply to one request, None for silence."""
    reply = answer(address, question(tag, oids, first, second, **how))
    return None if reply is None else understand(reply)


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
def test_the_answer_is_snmpd_s(snmpd: Place, ours: Place, question: tuple[int, list[Oid], int, int]) -> None:
    tag, oids, first, second = question
    assert ask(ours, tag, oids, first, second) == ask(snmpd, tag, oids, first, second)


SAME_IN_V1 = {
    "get of scalars": (pdu.GET, [SYS_DESCR, SYS_UP_TIME, SYS_NAME]),
    "get of an object nobody has": (pdu.GET, [SYS_DESCR, (1, 3, 6, 1, 4, 1, 99999, 1, 0)]),
    "get of a row that is not there": (pdu.GET, [SYS_DESCR, (*IF_IN_OCTETS, 99999)]),
    "get of a Counter64": (pdu.GET, [(*IF_IN_OCTETS, 1), (*IF_HC_IN_OCTETS, 1)]),
    "get without names": (pdu.GET, []),
    "next of a column": (pdu.GET_NEXT, [IF_NAME, IF_IN_OCTETS]),
    "next at the end": (pdu.GET_NEXT, [SYSTEM, LAST]),
}


@pytest.mark.parametrize("asked", SAME_IN_V1.values(), ids=SAME_IN_V1.keys())
def test_the_answer_in_snmpv1_is_snmpd_s(snmpd: Place, ours_v1: Place, asked: tuple[int, list[Oid]]) -> None:
    assert ask(ours_v1, *asked, version=V1) == ask(snmpd, *asked, version=V1)


def test_a_bulk_in_snmpv1_is_no_question_at_all(ours_v1: Place) -> None:
    assert ask(ours_v1, pdu.GET_BULK, [SYSTEM], 0, 5, version=V1) is None


def test_a_set_in_snmpv1_is_refused_with_snmpd_s_status(snmpd: Place, ours_v1: Place) -> None:
    how = {"version": V1, "value": ber.octets(b"mine")}
    assert ask(ours_v1, pdu.SET, [SYS_NAME], **how) == ask(snmpd, pdu.SET, [SYS_NAME], **how)


def test_an_agent_of_one_version_is_deaf_to_the_other(ours: Place, ours_v1: Place) -> None:
    assert ask(ours, pdu.GET, [SYS_DESCR], version=V1) is None
    assert ask(ours_v1, pdu.GET, [SYS_DESCR]) is None


def test_a_bulk_of_everything_is_cut_where_snmpd_cuts_it(snmpd: Place, ours: Place) -> None:
    for columns in ([(1, 3)], [(1, 3), (1, 3)], [(1, 3), (1, 3), (1, 3)]):
        theirs = ask(snmpd, pdu.GET_BULK, columns, 0, 1000)
        mine = ask(ours, pdu.GET_BULK, columns, 0, 1000)
        assert theirs is not None
        assert mine is not None
        assert len(mine.varbinds) == len(theirs.varbinds)


def test_a_set_is_refused_with_snmpd_s_status(snmpd: Place, ours: Place) -> None:
    name = ber.octets(b"mine")
    assert ask(ours, pdu.SET, [SYS_NAME], value=name) == ask(snmpd, pdu.SET, [SYS_NAME], value=name)


@pytest.mark.parametrize("wrong", [{"community": b"public"}, {"community": b""}, {"version": 7}])
def test_a_stranger_hears_nothing(snmpd: Place, ours: Place, wrong: dict[str, Any]) -> None:
    assert ask(snmpd, pdu.GET, [SYS_DESCR], **wrong) is None
    assert ask(ours, pdu.GET, [SYS_DESCR], **wrong) is None


def test_a_response_is_no_question(snmpd: Place, ours: Place) -> None:
    assert ask(snmpd, pdu.RESPONSE, [SYS_DESCR]) is None
    assert ask(ours, pdu.RESPONSE, [SYS_DESCR]) is None
