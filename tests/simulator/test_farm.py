"""A farm: thousands of agents behind one socket, each as honest as an agent with a socket of its own."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    UsmUserData,
    usmAesBlumenthalCfb192Protocol,
    usmAesBlumenthalCfb256Protocol,
    usmAesCfb128Protocol,
    usmAesCfb192Protocol,
    usmAesCfb256Protocol,
    usmDESPrivProtocol,
    usmHMACSHAAuthProtocol,
)

from simulator.loop import Loop
from simulator.model import Access, Address, FarmSpec, V1Access, V2cAccess, V3Access
from simulator.snmp import ber, farm_mib, mib, pdu, recipe
from simulator.snmp.ber import Oid
from simulator.snmp.farm import Farm, breeder
from tests.simulator.lab import NOON_S, Simulator, ap_spec, free_port, frozen, rows, snmp
from tests.simulator.test_agent import V3_USER, dotted, pysnmp_get
from tests.simulator.test_v3 import AUTH_KEY, PRIV_KEY, login
from tests.simulator.wire import (
    IF_HC_IN_OCTETS,
    IF_NAME,
    SYS_DESCR,
    SYS_NAME,
    SYSTEM,
    answer,
    exchange,
    question,
)

NAME, HC_IN = dotted(SYS_NAME), dotted(IF_HC_IN_OCTETS)
SCALARS: list[Oid] = [
    *((*SYSTEM, column, 0) for column in range(1, 7)),
    (1, 3, 6, 1, 2, 1, 2, 1, 0),
    (1, 3, 6, 1, 2, 1, 25, 1, 1, 0),
    (1, 3, 6, 1, 2, 1, 25, 2, 2, 0),
    (1, 3, 6, 1, 4, 1, 2021, 4, 5, 0),
    (1, 3, 6, 1, 4, 1, 2021, 4, 6, 0),
    (1, 3, 6, 1, 4, 1, 2021, 10, 1, 5, 1),
]
COUNTERS = [(*IF_HC_IN_OCTETS[:-1], 6), (*IF_HC_IN_OCTETS[:-1], 10)]
V2C = V2cAccess("plaza")
PRIVATE = V3Access("plaza", "sha1", AUTH_KEY, "aes128", PRIV_KEY)


class Hour:
    """A model time that a test moves on."""

    def __init__(self) -> None:
        self.now_s = float(NOON_S)

    def __call__(self) -> float:
        return self.now_s


def farm_spec(access: Access = V2C, dead_pct: float = 0.0) -> FarmSpec:
    return FarmSpec(IPv4Network("127.64.0.0/14"), free_port(host="0.0.0.0"), 1000, access, dead_pct)


@contextmanager
def sown(spec: FarmSpec, hour: Hour | None = None) -> Iterator[FarmSpec]:
    """The real farm on a real socket, at one model time."""
    farm, loop = Farm(spec, hour or Hour()), Loop()
    farm.open()
    farm.serve(loop, seed=7, boots=3)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield spec
    finally:
        loop.end()
        thread.join()
        loop.close()
        farm.close()


def host(number: int) -> str:
    return str(IPv4Address("127.64.0.1") + number)


def at(spec: FarmSpec, number: int) -> str:
    return f"{host(number)}:{spec.port}"


def model(number: int, now_s: int = NOON_S) -> dict[str, bytes]:
    """What the model says an agent shows, still encoded."""
    who = farm_mib.member(7, number, NOON_S)
    return {dotted(i.oid): i.read((who, now_s)) for i in farm_mib.tree().instances}


def integer(encoded: bytes) -> int:
    _, start, end = ber.enter(encoded, 0)
    return int.from_bytes(encoded[start:end], "big", signed=True)


def test_a_walk_with_net_snmp_finds_every_instance_in_order_with_the_model_s_values() -> None:
    with sown(farm_spec()) as spec:
        walked = rows(snmp("snmpbulkwalk", at(spec, 41), ".1").stdout)
        stepped = rows(snmp("snmpwalk", at(spec, 41), ".1").stdout)
    expected = model(41)
    assert list(walked) == list(expected)
    assert walked == stepped
    assert walked[NAME] == "farm-41"
    for port in range(1, 13):
        assert int(walked[f"{HC_IN}.{port}"]) == integer(expected[f"{HC_IN}.{port}"])
        assert walked[f"{dotted(IF_NAME)}.{port}"] == f"eth{port - 1}"


def test_all_versions_show_the_same_save_that_snmpv1_has_no_counter64() -> None:
    walks = {}
    for access, options in [
        (V1Access("plaza"), ("-v1", "-c", "plaza")),
        (V2C, ("-v2c", "-c", "plaza")),
        (PRIVATE, login()),
    ]:
        with sown(farm_spec(access)) as spec:
            walks[type(access)] = rows(snmp("snmpwalk", at(spec, 5), ".1", options=options).stdout)
    wide = tuple(f"{dotted(column)}." for column in mib.COUNTER64_OBJECTS)
    assert walks[V2cAccess] == walks[V3Access]
    assert walks[V1Access] == {oid: v for oid, v in walks[V2cAccess].items() if not oid.startswith(wide)}
    assert len(walks[V2cAccess]) - len(walks[V1Access]) == 24


PRIVACIES = {
    "des": ("DES", usmDESPrivProtocol),
    "aes128": ("AES", usmAesCfb128Protocol),
    "aes192": ("AES-192", usmAesBlumenthalCfb192Protocol),
    "aes256": ("AES-256", usmAesBlumenthalCfb256Protocol),
    "aes192c": ("AES-192-C", usmAesCfb192Protocol),
    "aes256c": ("AES-256-C", usmAesCfb256Protocol),
}


@pytest.mark.parametrize("priv", PRIVACIES)
def test_net_snmp_and_pysnmp_read_farm_and_agent_alike_with_every_privacy(priv: str) -> None:
    theirs, pysnmps = PRIVACIES[priv]
    user = UsmUserData("plaza", AUTH_KEY, PRIV_KEY, authProtocol=usmHMACSHAAuthProtocol, privProtocol=pysnmps)
    own = ap_spec("ap-1", **(V3_USER | {"priv_protocol": priv}))
    with sown(farm_spec(replace(PRIVATE, priv_protocol=priv))) as spec, frozen(own):
        seen = {}
        for name, address in (("farm-9", Address(host(9), spec.port)), ("ap-1", own.snmp)):
            by_pysnmp = pysnmp_get(replace(own, snmp=address), user, NAME[1:])
            by_net_snmp = snmp("snmpget", str(address), NAME, options=login(priv=theirs))
            seen[name] = (by_pysnmp, rows(by_net_snmp.stdout), by_net_snmp.stderr)
    for name, (by_pysnmp, by_net_snmp, complaint) in seen.items():
        assert by_pysnmp == [name]
        assert by_net_snmp == {NAME: name}, complaint


@pytest.mark.parametrize(("access", "model_number"), [(V1Access("plaza"), 0), (V2C, 1)])
def test_pysnmp_reads_the_farm_with_a_community(access: Access, model_number: int) -> None:
    with sown(farm_spec(access)) as spec:
        there = replace(ap_spec(), snmp=Address(host(3), spec.port))
        seen = pysnmp_get(
            there, CommunityData("plaza", mpModel=model_number), NAME[1:], f"{dotted(SYSTEM)}.6.0"[1:]
        )
    assert seen == ["farm-3", "Plaza of farm-3, Chihuahua"]


QUESTIONS: dict[str, tuple[int, Sequence[Oid], int, int]] = {
    "get of scalars": (pdu.GET, SCALARS, 0, 0),
    "get of counters": (pdu.GET, [(*column, 3) for column in COUNTERS], 0, 0),
    "get of what is missing": (pdu.GET, [SYS_NAME, (*SYSTEM, 99, 0), (*IF_NAME, 99)], 0, 0),
    "get without names": (pdu.GET, [], 0, 0),
    "next": (pdu.GET_NEXT, [SYSTEM, *COUNTERS], 0, 0),
    "next at the end": (pdu.GET_NEXT, [(2, 1)], 0, 0),
    "bulk of counters": (pdu.GET_BULK, COUNTERS, 0, 12),
    "bulk with a non-repeater": (pdu.GET_BULK, [SYS_DESCR, *COUNTERS], 1, 3),
    "bulk of everything": (pdu.GET_BULK, [(1, 3)], 0, 1000),
    "bulk into the end": (pdu.GET_BULK, [(1, 3, 6, 1, 4, 1, 2021, 4)], 0, 20),
    "set": (pdu.SET, [SYS_NAME], 0, 0),
    "response": (pdu.RESPONSE, [SYS_NAME], 0, 0),
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS.keys())
@pytest.mark.parametrize("dialect", [pdu.Modern(), pdu.Old()], ids=["modern", "old"])
def test_the_fast_way_answers_octet_for_octet_as_the_slow_way(
    dialect: pdu.Dialect, asked: tuple[int, Sequence[Oid], int, int]
) -> None:
    tree = farm_mib.tree() if isinstance(dialect, pdu.Modern) else farm_mib.narrow_tree()
    kitchen = recipe.Kitchen(tree, dialect)
    tag, oids, first, second = asked
    for number, now_s, request_id in ((0, NOON_S, 1), (7, NOON_S, 70000), (7, NOON_S + 999_999, 2**31 - 1)):
        who = farm_mib.member(7, number, NOON_S)
        datagram = question(tag, oids, first, second, request_id=request_id)
        _, position = ber.take_octets(datagram, ber.expect(ber.SEQUENCE, datagram, 0)[0] + 3)
        slow = dialect.answer(pdu.parse(datagram, position), tree, (who, now_s), 65000)
        for _ in range(2):  # the second time from memory
            assert kitchen.response(who, now_s, datagram, position, 65000) == slow


def test_an_answer_that_does_not_fit_is_cut_or_too_big_as_the_slow_way_has_it() -> None:
    kitchen, who = recipe.Kitchen(farm_mib.tree(), pdu.Modern()), farm_mib.member(7, 0, NOON_S)
    sizes = []
    for asked in (question(pdu.GET_BULK, COUNTERS, 0, 12), question(pdu.GET, SCALARS)):
        _, position = ber.take_octets(asked, ber.expect(ber.SEQUENCE, asked, 0)[0] + 3)
        response = kitchen.response(who, NOON_S, asked, position, 300)
        assert response is not None
        assert len(response) <= 300
        sizes.append((pdu.parse(response, 0).first, len(pdu.names(pdu.parse(response, 0).varbinds)) > 5))
    assert sizes == [(0, True), (pdu.TOO_BIG, False)]


def test_each_reply_leaves_from_the_address_that_was_asked() -> None:
    with sown(farm_spec()) as spec:
        for number in (0, 1, 299, 999):
            asked = (host(number), spec.port)
            [(reply, peer)] = exchange(asked, question(pdu.GET, [SYS_NAME]))
            assert peer == asked
            assert reply.endswith(b"farm-%d" % number)


def test_addresses_outside_the_farm_strangers_and_rubbish_hear_nothing() -> None:
    asked = question(pdu.GET, [SYS_NAME])
    with sown(farm_spec()) as spec:
        for address in ("127.64.0.0", host(1000), "127.0.0.1"):
            assert answer((address, spec.port), asked) is None
        for rubbish in (b"", b"\x30", b"\x30\x82", bytes(50), asked[:-3], asked[:20]):
            assert answer((host(0), spec.port), rubbish) is None
        assert answer((host(0), spec.port), question(pdu.GET, [SYS_NAME], community=b"public")) is None
        assert answer((host(0), spec.port), asked) is not None


def test_counters_grow_with_time_and_their_octets_differ_in_number() -> None:
    hour = Hour()
    with sown(farm_spec(), hour) as spec:
        first = [rows(snmp("snmpbulkwalk", at(spec, n), HC_IN).stdout) for n in (1, 2)]
        hour.now_s += 60
        then = [rows(snmp("snmpbulkwalk", at(spec, n), HC_IN).stdout) for n in (1, 2)]
    for before, after in zip(first, then, strict=True):
        assert len(before) == 12
        assert all(int(after[oid]) - int(before[oid]) >= 60 * 3 for oid in before)
    assert first[0] != first[1]
    lengths = {len(value) for n in range(100) for oid, value in model(n).items() if oid.startswith(HC_IN)}
    assert lengths >= {5, 6, 7, 8}, "tag, length and 3 to 6 octets"


def test_the_dead_are_as_many_as_asked_and_the_same_for_the_same_seed() -> None:
    def dead(seed: int, pct: float) -> list[int]:
        breed = breeder(seed, farm_spec(dead_pct=pct), boots=1, started_s=NOON_S)
        asked = question(pdu.GET, [SYS_NAME])
        return [number for number in range(1000) if breed(number)(asked, NOON_S) is None]

    assert 250 < len(dead(7, 30)) < 350
    assert dead(7, 30) == dead(7, 30) != dead(8, 30)
    assert (dead(7, 0), len(dead(7, 100))) == ([], 1000)


def test_every_agent_is_an_engine_of_its_own() -> None:
    with sown(farm_spec(PRIVATE)) as spec:
        asked = [snmp("snmpget", at(spec, n), NAME, options=login()) for n in (0, 1)]
        stale = snmp("snmpget", at(spec, 1), NAME, options=(*login(), "-e", "0x80001f88017f400001"))
    assert [rows(one.stdout) for one in asked] == [{NAME: "farm-0"}, {NAME: "farm-1"}]
    assert NAME not in rows(stale.stdout), "the engineID of the first is unknown to the second"


def test_a_simulator_plays_a_farm_beside_its_access_points(simulator: Simulator) -> None:
    ap: dict[str, Any] = simulator.ap("wrt")
    port = free_port(host="0.0.0.0")
    access = {"version": "2c", "community": "plaza"}
    simulator.spec["farm"] = {"network": "127.64.0.0/14", "port": port, "agents": 50, "access": access}
    simulator.start()
    assert rows(snmp("snmpget", f"127.64.0.50:{port}", NAME).stdout) == {NAME: "farm-49"}
    assert rows(snmp("snmpget", f"{ap['snmp']['host']}:{ap['snmp']['port']}", NAME).stdout) == {
        NAME: "OpenWrt"
    }
    assert simulator.stop() == (0, "")
