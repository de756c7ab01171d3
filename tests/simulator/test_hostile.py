"""Each way to break an agent does what its name says, and no more."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.ap import VirtualAp
from simulator.model import ApSpec, Fault, V1Access, V2cAccess, V3Access
from simulator.snmp import hostile, pdu
from simulator.snmp.agent import agent
from simulator.snmp.ber import Oid
from simulator.snmp.delivery import DELAY_S, Outbox
from tests.simulator.lab import NOON_S, ap_spec, frozen, rows, snmp
from tests.simulator.test_agent import SHA_AES, V3_USER
from tests.simulator.wire import (
    IF_IN_OCTETS,
    IF_NAME,
    SYS_DESCR,
    SYS_NAME,
    SYSTEM,
    V1,
    V2C,
    Place,
    Reply,
    answer,
    exchange,
    question,
    response_of,
    understand,
)

ELEVEN = [(*IF_IN_OCTETS, index) for index in range(11)]
TABLES = (IF_NAME, IF_IN_OCTETS)
OPTIONS = {
    "v1": ("-v1", "-c", "plaza"),
    "v2c": ("-v2c", "-c", "plaza"),
    "v3": SHA_AES,
}
SPECS: dict[str, dict[str, Any]] = {"v1": {"version": "1"}, "v2c": {}, "v3": V3_USER}
WALKED = ".1.3.6.1.2.1.31.1.1.1.1"


def place(spec: ApSpec) -> Place:
    return spec.snmp.host, spec.snmp.port


@contextmanager
def broken(fault: Fault, version: str = "v2c") -> Iterator[VirtualAp]:
    with frozen(ap_spec(**SPECS[version]), fault=fault) as ap:
        yield ap


def ask(fault: Fault, tag: int, oids: list[Oid], second: int = 0, version: int = V2C) -> Reply | None:
    with broken(fault, "v1" if version == V1 else "v2c") as ap:
        reply = answer(place(ap.spec), question(tag, oids, 0, second, version=version))
    return None if reply is None else understand(reply)


def program(name: str, fault: Fault, version: str, *arguments: str) -> str:
    """What a program of net-snmp says, on both outputs."""
    with broken(fault, version) as ap:
        done = snmp(name, str(ap.spec.snmp), *arguments, options=OPTIONS[version])
    return str(done.stdout + done.stderr)


# Answers spoilt on their way


def honest_and(fault: Fault, version: int) -> tuple[bytes, bytes]:
    """The same question's answer before and after the agent breaks."""
    asked = question(pdu.GET, [SYS_DESCR, SYS_NAME], version=version)
    with frozen(ap_spec(**SPECS["v1" if version == V1 else "v2c"])) as ap:
        [(honest, _)] = exchange(place(ap.spec), asked)
        ap.fault = fault
        [(spoilt, _)] = exchange(place(ap.spec), asked)
    return honest, spoilt


def differing(honest: bytes, spoilt: bytes) -> list[int]:
    assert len(honest) == len(spoilt)
    return [at for at, (a, b) in enumerate(zip(honest, spoilt, strict=True)) if a != b]


@pytest.mark.parametrize("version", [V1, V2C])
def test_a_truncated_answer_is_the_beginning_of_the_honest_one(version: int) -> None:
    honest, spoilt = honest_and(Fault.TRUNCATED, version)
    assert honest.startswith(spoilt)
    assert len(spoilt) < len(honest)


@pytest.mark.parametrize("version", [V1, V2C])
def test_garbage_is_as_long_as_the_answer_and_nothing_like_it(version: int) -> None:
    honest, spoilt = honest_and(Fault.GARBAGE, version)
    assert len(differing(honest, spoilt)) > len(honest) / 2


@pytest.mark.parametrize("version", [V1, V2C])
def test_an_answer_with_a_wrong_id_is_right_but_for_the_id(version: int) -> None:
    honest, spoilt = honest_and(Fault.WRONG_ID, version)
    assert len(differing(honest, spoilt)) == 1
    assert response_of(spoilt).request_id != response_of(honest).request_id


@pytest.mark.parametrize("version", [V1, V2C])
def test_an_answer_with_a_wrong_community_is_right_but_for_the_community(version: int) -> None:
    honest, spoilt = honest_and(Fault.WRONG_COMMUNITY_ANSWER, version)
    [at] = differing(honest, spoilt)
    assert honest[at - 4 : at + 1] == b"plaza"


@pytest.mark.parametrize(("version", "other"), [(V1, V2C), (V2C, V1)])
def test_an_answer_of_a_wrong_version_is_right_but_for_the_version(version: int, other: int) -> None:
    honest, spoilt = honest_and(Fault.WRONG_VERSION, version)
    [at] = differing(honest, spoilt)
    assert (honest[at], spoilt[at]) == (version, other)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.TRUNCATED,
        Fault.GARBAGE,
        Fault.WRONG_ID,
        Fault.WRONG_VERSION,
        Fault.WRONG_COMMUNITY_ANSWER,
        Fault.V3_WRONG_DIGEST,
    ],
)
def test_net_snmp_does_not_believe_a_spoilt_answer_in_snmpv3(fault: Fault) -> None:
    said = program("snmpget", fault, "v3", ".1.3.6.1.2.1.1.5.0")
    assert "ap-1" not in said


# How answers are delivered


def test_a_stale_answer_comes_before_each_right_one() -> None:
    first, second = (question(pdu.GET, [SYS_NAME], request_id=number) for number in (1, 2))
    with broken(Fault.STALE_ID) as ap:
        [(earlier, _)] = exchange(place(ap.spec), first)
        [(stale, _), (right, _)] = exchange(place(ap.spec), second, replies=2)
    assert stale == earlier
    assert [response_of(reply).request_id[-1] for reply in (stale, right)] == [1, 2]


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_a_manager_that_waits_on_gets_the_right_answer_behind_a_stale_one(version: str) -> None:
    with broken(Fault.STALE_ID, version) as ap:
        for _ in range(2):
            asked = snmp("snmpget", str(ap.spec.snmp), ".1.3.6.1.2.1.1.5.0", options=OPTIONS[version])
            assert rows(asked.stdout) == {".1.3.6.1.2.1.1.5.0": "ap-1"}, asked.stderr


def test_an_answer_from_elsewhere_has_another_port_and_another_address() -> None:
    with broken(Fault.OTHER_SOURCE) as ap:
        [(reply, peer)] = exchange(place(ap.spec), question(pdu.GET, [SYS_NAME]))
    assert understand(reply).varbinds == ((SYS_NAME, "value"),)
    assert peer[0] == "127.1.0.1"
    assert peer[1] != ap.spec.snmp.port


def lost(seed: int, fault: Fault | None) -> list[int]:
    """Which of 500 requests get no answer."""
    ap = VirtualAp(seed, ap_spec(), Path("unused"), NOON_S - 7200)
    ap.fault = fault
    outbox = Outbox(seed, ap, agent(ap, boots=3))
    asked = question(pdu.GET, [SYS_NAME])
    return [number for number in range(500) if not outbox.letters(asked, NOON_S)]


def test_of_a_lossy_agent_three_answers_in_ten_are_lost_the_same_ones_for_the_same_seed() -> None:
    assert 125 < len(lost(7, Fault.LOSSY)) < 175
    assert lost(7, Fault.LOSSY) == lost(7, Fault.LOSSY) != lost(8, Fault.LOSSY)
    assert lost(7, None) == []


def test_slow_answers_come_late_each_as_late_as_the_other() -> None:
    asked = [question(pdu.GET, [SYS_NAME], request_id=number) for number in (1, 2, 3)]
    with broken(Fault.SLOW_DRIP) as ap:
        began_s = time.monotonic()
        replies = exchange(place(ap.spec), *asked, replies=3)
        took_s = time.monotonic() - began_s
    assert [response_of(reply).request_id[-1] for reply, _ in replies] == [1, 2, 3]
    assert DELAY_S <= took_s < 2 * DELAY_S


# What is answered


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_above_ten_varbinds_it_is_too_big(version: str) -> None:
    names = [".1.3.6.1.2.1.1.5.0"] * 11
    said = program("snmpget", Fault.TOO_BIG, version, *names)
    assert "tooBig" in said or "too big" in said.lower(), said
    assert program("snmpget", Fault.TOO_BIG, version, *names[1:]).count("ap-1") == 10


@pytest.mark.parametrize(("version", "echoed"), [(V1, 11), (V2C, 0)])
def test_a_too_big_response_repeats_the_question_only_in_snmpv1(version: int, echoed: int) -> None:
    reply = ask(Fault.TOO_BIG, pdu.GET, ELEVEN, version=version)
    assert reply is not None
    assert (reply.status, reply.index, len(reply.varbinds)) == (pdu.TOO_BIG, 0, echoed)


def test_a_bulk_of_a_too_big_agent_is_cut_at_ten() -> None:
    reply = ask(Fault.TOO_BIG, pdu.GET_BULK, [*TABLES, SYSTEM], second=50)
    assert reply is not None
    assert (reply.status, len(reply.varbinds)) == (0, 9)


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_an_agent_of_one_varbind_answers_one(version: str) -> None:
    name = ".1.3.6.1.2.1.1.5.0"
    assert "ap-1" in program("snmpget", Fault.ONE_VARBIND, version, name)
    assert "ap-1" not in program("snmpget", Fault.ONE_VARBIND, version, name, name)
    assert "ap-1" in program("snmpgetnext", Fault.ONE_VARBIND, version, name[:-2])


def test_an_agent_of_one_varbind_says_too_big_to_two_and_gen_err_to_a_bulk_of_two() -> None:
    statuses = [
        reply.status if (reply := ask(Fault.ONE_VARBIND, tag, [SYS_NAME, SYS_DESCR], second=5)) else None
        for tag in (pdu.GET, pdu.GET_NEXT, pdu.GET_BULK)
    ]
    assert statuses == [pdu.TOO_BIG, pdu.TOO_BIG, pdu.GEN_ERR]


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_a_get_meets_a_gen_err_and_a_walk_does_not(version: str) -> None:
    assert "genError" in program("snmpget", Fault.GEN_ERROR, version, ".1.3.6.1.2.1.1.5.0")
    assert "ap-1" in program("snmpgetnext", Fault.GEN_ERROR, version, ".1.3.6.1.2.1.1.5")


@pytest.mark.parametrize("version", [V1, V2C])
def test_a_sick_object_fails_a_get_at_its_own_place(version: int) -> None:
    sick = ask(Fault.SICK_OBJECT, pdu.GET, [SYS_DESCR, hostile.SICK, SYS_NAME], version=version)
    well = ask(Fault.SICK_OBJECT, pdu.GET, [SYS_DESCR, SYS_NAME], version=version)
    assert sick is not None
    assert well is not None
    assert (sick.status, sick.index, well.status) == (pdu.GEN_ERR, 2, 0)


@pytest.mark.parametrize("version", [V1, V2C])
@pytest.mark.parametrize("tag", [pdu.GET, pdu.GET_NEXT])
def test_an_empty_answer_is_no_error_and_no_varbind(tag: int, version: int) -> None:
    assert ask(Fault.EMPTY_ANSWER, tag, [SYS_NAME], version=version) == Reply(0, 0, ())


def test_an_agent_without_objects_has_none_to_get_and_none_to_walk() -> None:
    assert ask(Fault.NO_SUCH_OBJECT, pdu.GET, [SYS_NAME, SYS_DESCR]) == Reply(
        0, 0, ((SYS_NAME, "noSuchObject"), (SYS_DESCR, "noSuchObject"))
    )
    assert ask(Fault.NO_SUCH_OBJECT, pdu.GET_NEXT, [SYSTEM]) == Reply(0, 0, ((SYSTEM, "endOfMibView"),))
    old = ask(Fault.NO_SUCH_OBJECT, pdu.GET, [SYS_NAME, SYS_DESCR], version=V1)
    assert old is not None
    assert (old.status, old.index) == (pdu.NO_SUCH_NAME, 1)
    assert "No Such Object" in program("snmpget", Fault.NO_SUCH_OBJECT, "v3", ".1.3.6.1.2.1.1.5.0")


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
@pytest.mark.parametrize("walk", ["snmpwalk", "snmpbulkwalk"])
def test_a_walk_ends_behind_its_first_row_when_the_view_does(walk: str, version: str) -> None:
    if (walk, version) == ("snmpbulkwalk", "v1"):
        walk = "snmpwalk"
    said = program(walk, Fault.END_OF_VIEW, version, WALKED)
    assert list(rows(said)) == [f"{WALKED}.1"]


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_a_bulk_is_shorter_than_asked_and_a_walk_is_still_whole(version: str) -> None:
    asked = ("-Cn0", "-Cr10", WALKED)
    assert len(rows(program("snmpbulkget", Fault.SHORT_BULK, version, *asked))) == 3
    assert len(rows(program("snmpbulkwalk", Fault.SHORT_BULK, version, WALKED))) == 5


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_without_bulk_there_is_silence_and_a_get_next_walk(version: str) -> None:
    assert "Timeout" in program("snmpbulkwalk", Fault.NO_BULK, version, WALKED)
    assert len(rows(program("snmpwalk", Fault.NO_BULK, version, WALKED))) == 5


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_a_bulk_may_be_refused_with_a_gen_err(version: str) -> None:
    assert "genError" in program("snmpbulkwalk", Fault.BULK_REFUSED, version, WALKED)
    assert len(rows(program("snmpwalk", Fault.BULK_REFUSED, version, WALKED))) == 5


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_a_walk_that_goes_back_is_noticed_by_net_snmp(version: str) -> None:
    assert "OID not increasing" in program("snmpwalk", Fault.NOT_INCREASING, version, WALKED)


def test_a_bulk_that_goes_back_repeats_two_rows() -> None:
    reply = ask(Fault.NOT_INCREASING, pdu.GET_BULK, [IF_NAME], second=5)
    assert reply is not None
    assert [oid[-1] for oid, _ in reply.varbinds] == [1, 2, 1, 2, 1]


def test_an_endless_walk_grows_row_by_row_and_its_rows_have_the_first_ones_value() -> None:
    reply = ask(Fault.ENDLESS_WALK, pdu.GET_BULK, [IF_NAME], second=90)
    assert reply is not None
    assert [oid for oid, _ in reply.varbinds] == [(*IF_NAME, row) for row in range(1, 91)]
    beyond = ask(Fault.ENDLESS_WALK, pdu.GET_NEXT, [(*IF_NAME, 1_000_000)])
    assert beyond == Reply(0, 0, (((*IF_NAME, 1_000_001), "value"),))


@pytest.mark.parametrize("fault", [Fault.NOT_INCREASING, Fault.ENDLESS_WALK, Fault.END_OF_VIEW])
def test_a_get_of_an_agent_with_bad_walks_is_honest(fault: Fault) -> None:
    assert ask(fault, pdu.GET, [SYS_NAME, (*IF_NAME, 99)]) == Reply(
        0, 0, ((SYS_NAME, "value"), ((*IF_NAME, 99), "noSuchInstance"))
    )


# What cannot befall whom

PLAIN_V3 = V3Access("plaza")


def test_every_fault_suits_somebody_and_those_that_do_not_suit_say_why() -> None:
    for fault in Fault:
        suits = {
            "1": not hostile.unsuited(fault, V1Access("plaza")),
            "2c": not hostile.unsuited(fault, V2cAccess("plaza")),
            "3": not hostile.unsuited(fault, V3Access("plaza", "sha1", "authentic-phrase")),
        }
        bulk = fault in {Fault.SHORT_BULK, Fault.NO_BULK, Fault.BULK_REFUSED}
        private = fault.startswith("v3-")
        assert suits == {"1": not (bulk or private), "2c": not private, "3": True}, fault
    assert "authentication" in hostile.unsuited(Fault.V3_WRONG_DIGEST, PLAIN_V3)
