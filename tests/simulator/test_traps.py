"""What simulated access points tell unasked, heard by pysnmp's decoder as the poller has it."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from drivers.model import Secret, SnmpCredentials, SnmpV2c, SnmpV3
from drivers.snmp.notice import EngineIdentity, Notice, NoticeKind
from drivers.snmp.pysnmp_notices import Decoder
from simulator.errors import SpecError
from simulator.model import Fault
from simulator.snmp.agent import engine_id
from simulator.snmp.trap import Trap, of_change
from simulator.spec import load
from tests.simulator.lab import V3, WAIT_S, Simulator, free_port

V2C_KNOWN: SnmpCredentials = SnmpV2c(Secret("plaza"))
V3_KNOWN = SnmpV3("plaza", "sha1", Secret(V3["auth_key"]), "aes128", Secret(V3["priv_key"]))
ACCESS: Mapping[str, tuple[dict[str, str] | None, SnmpCredentials]] = {
    "v2c": (None, V2C_KNOWN),
    "v3": (V3, V3_KNOWN),
}
ORDERS: Sequence[Mapping[str, str]] = (
    {"op": "break", "how": "no-service"},
    {"op": "mend"},
    {"op": "break", "how": "dead"},
    {"op": "mend"},
)
TOLD = [NoticeKind.COLD_START, NoticeKind.LINK_DOWN, NoticeKind.LINK_UP, NoticeKind.COLD_START]


@pytest.mark.parametrize(("access", "known"), ACCESS.values(), ids=ACCESS)
def test_it_tells_that_it_starts_that_its_network_goes_and_comes_and_that_it_lives_again(
    simulator: Simulator, access: dict[str, str] | None, known: SnmpCredentials
) -> None:
    ap = simulator.ap("wrt", snmp=access)
    host = ap["snmp"]["host"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(WAIT_S)
        simulator.spec["traps"] = {"host": "127.0.0.1", "port": ear.getsockname()[1]}
        simulator.start()
        for order in ORDERS:
            assert simulator.order(ap="wrt", **order) == {"ok": True}
        letters = [ear.recvfrom(4096) for _ in TOLD]
    assert {address for _, address in letters} == {(host, ap["snmp"]["port"])}
    heard = asyncio.run(decoded([datagram for datagram, _ in letters], host, known))
    assert [one.kind for one in heard if isinstance(one, Notice)] == TOLD


async def decoded(datagrams: Sequence[bytes], host: str, known: SnmpCredentials) -> list[Any]:
    """What the poller makes of them."""
    us = EngineIdentity(b"\x80" * 9, 1)
    decoder = Decoder(us, {host: [known]}, lambda datagram, address: None)
    if isinstance(known, SnmpV3):
        decoder.knows(host, engine_id("wrt"), 1, known)
    try:
        return [decoder.decode(datagram, host, (host, 161)) for datagram in datagrams]
    finally:
        decoder.close()


def test_without_the_key_nobody_is_told(simulator: Simulator) -> None:
    simulator.ap("wrt")
    simulator.start()
    assert simulator.order(op="break", ap="wrt", how="no-service") == {"ok": True}


def test_an_agent_of_the_first_version_tells_nothing(simulator: Simulator) -> None:
    simulator.ap("old", snmp={"version": "1", "community": "plaza"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        simulator.spec["traps"] = {"host": "127.0.0.1", "port": ear.getsockname()[1]}
        simulator.start()
        assert simulator.order(op="break", ap="old", how="no-service") == {"ok": True}
        with pytest.raises(BlockingIOError):
            ear.recv(1)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, Fault.NO_SERVICE, Trap.LINK_DOWN),
        (Fault.DEAD, Fault.NO_SERVICE, Trap.LINK_DOWN),
        (Fault.NO_SERVICE, Fault.NO_SERVICE, None),
        (Fault.NO_SERVICE, None, Trap.LINK_UP),
        (Fault.NO_SERVICE, Fault.DEAD, None),
        (None, Fault.DEAD, None),
        (Fault.DEAD, None, Trap.COLD_START),
        (Fault.WRONG_COMMUNITY, None, None),
        (None, None, None),
    ],
)
def test_a_change_is_told_once_and_by_those_who_can(before: Fault, now: Fault, told: Trap) -> None:
    assert of_change(before, now) is told


def test_a_wrong_place_for_traps_is_named(simulator: Simulator) -> None:
    simulator.spec["traps"] = {"host": "localhost", "port": free_port()}
    simulator.launch().wait(WAIT_S)
    with pytest.raises(SpecError, match=r"traps\.host"):
        load(simulator.directory / "SPEC.json")
