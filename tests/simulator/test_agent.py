"""What independent SNMP clients read from a virtual access point is what the model says."""

import asyncio
import socket
from typing import Any

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    usmAesCfb128Protocol,
    usmHMACSHAAuthProtocol,
)

from simulator.model import ApSpec, Platform
from simulator.snmp import mib
from tests.simulator.lab import NOON_S, V3, ap_spec, frozen, rows, snmp

IF_X = ".1.3.6.1.2.1.31.1.1.1"
V3_USER: dict[str, Any] = {key: value for key, value in V3.items() if key != "version"}
SHA_AES = (
    "-v3",
    "-u",
    "plaza",
    "-l",
    "authPriv",
    "-a",
    "SHA",
    "-A",
    V3["auth_key"],
    "-x",
    "AES",
    "-X",
    V3["priv_key"],
)


def dotted(oid: tuple[int, ...]) -> str:
    return "." + ".".join(map(str, oid))


@pytest.mark.parametrize("platform", list(Platform))
def test_a_walk_over_the_whole_tree_finds_every_instance_once_and_in_order(platform: Platform) -> None:
    spec = ap_spec(platform=platform)
    with frozen(spec) as ap:
        walked = rows(snmp("snmpbulkwalk", str(spec.snmp), ".1").stdout)
        tree = mib.tree(mib.shape(ap.reading(NOON_S)))
    found = list(walked)
    assert found == [dotted(instance.oid) for instance in tree.instances]
    assert found == sorted(found, key=lambda oid: tuple(map(int, oid[1:].split("."))))


def test_a_walk_reads_the_model_s_values_over_v2c_and_over_v3_alike() -> None:
    plain, private = ap_spec("ap-1"), ap_spec("ap-1", **V3_USER)
    with frozen(plain) as ap, frozen(private):
        reading = ap.reading(NOON_S)
        v2c = rows(snmp("snmpbulkwalk", str(plain.snmp), ".1").stdout)
        v3 = rows(snmp("snmpbulkwalk", str(private.snmp), ".1", options=SHA_AES).stdout)
    assert v2c == v3
    assert v2c[".1.3.6.1.2.1.1.3.0"].split(":")[:2] == ["0", "2"], "two hours of uptime"
    assert v2c[".1.3.6.1.2.1.1.2.0"] == ".1.3.6.1.4.1.8072.3.2.10"
    assert {v2c[f"{IF_X}.1.{i.index}"]: int(v2c[f"{IF_X}.6.{i.index}"]) for i in reading.ifaces} == {
        i.name: i.rx_octets for i in reading.ifaces
    }
    assert [int(v2c[f"{IF_X}.10.{i.index}"]) for i in reading.ifaces] == [i.tx_octets for i in reading.ifaces]
    assert int(v2c[".1.3.6.1.4.1.2021.11.53.0"]) == reading.processor.idle
    assert int(v2c[".1.3.6.1.4.1.2021.4.6.0"]) == reading.memory.free
    lines = [
        value
        for oid, value in v2c.items()
        if oid.startswith(".1.3.6.1.4.1.8072.1.3.2.4.1.2.5.112.108.97.122.97.")
    ]
    assert [line.encode() for line in lines] == list(reading.lines)


def test_an_openwrt_ap_says_what_it_is_and_shows_radios_and_names() -> None:
    with frozen(ap_spec()) as ap:
        reading = ap.reading(NOON_S)
        seen = rows(snmp("snmpwalk", str(ap.spec.snmp), ".1.3.6.1.2.1.1").stdout)
    assert "OpenWrt" in seen[".1.3.6.1.2.1.1.1.0"]
    assert [iface.name for iface in reading.ifaces] == ["lo", "eth0", "br-lan", "phy0-ap0", "phy1-ap0"]
    kinds = [line.split()[0] for line in reading.lines]
    assert kinds == [b"plaza", b"radio", b"radio", b"ssid", b"ssid"]
    assert b"name=Chihuahua%20Gratis " in reading.lines[3]
    assert sum(radio.clients for radio in reading.radios) > 0
    assert sum(bss.clients for bss in reading.bsses) == sum(radio.clients for radio in reading.radios)


def test_a_generic_ap_is_of_another_vendor_and_has_no_extend() -> None:
    with frozen(ap_spec(platform=Platform.GENERIC)) as ap:
        seen = rows(snmp("snmpwalk", str(ap.spec.snmp), ".1.3.6.1.2.1.1").stdout)
        enterprises = snmp("snmpbulkwalk", str(ap.spec.snmp), ".1.3.6.1.4.1").stdout
    assert "openwrt" not in seen[".1.3.6.1.2.1.1.1.0"].lower()
    assert not seen[".1.3.6.1.2.1.1.2.0"].startswith(".1.3.6.1.4.1.8072")
    assert "8072" not in enterprises


def pysnmp_get(spec: ApSpec, user: CommunityData | UsmUserData, *oids: str) -> list[str]:
    async def ask() -> list[str]:
        engine = SnmpEngine()
        target = await UdpTransportTarget.create((spec.snmp.host, spec.snmp.port), timeout=5, retries=1)
        wanted = [ObjectType(ObjectIdentity(oid)) for oid in oids]
        problem, status, _, varbinds = await get_cmd(
            engine, user, target, ContextData(), *wanted, lookupMib=False
        )
        engine.close_dispatcher()
        assert not problem, problem
        assert not status, status
        return [value.prettyPrint() for _, value in varbinds]

    return asyncio.run(ask())


def test_pysnmp_reads_the_same_over_v2c_and_v3() -> None:
    plain, private = ap_spec("ap-1"), ap_spec("ap-1", **V3_USER)
    user = UsmUserData(
        "plaza",
        V3["auth_key"],
        V3["priv_key"],
        authProtocol=usmHMACSHAAuthProtocol,
        privProtocol=usmAesCfb128Protocol,
    )
    oids = (f"{IF_X}.6.2"[1:], "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0")
    with frozen(plain) as ap, frozen(private):
        reading = ap.reading(NOON_S)
        over_v2c = pysnmp_get(plain, CommunityData("plaza", mpModel=1), *oids)
        over_v3 = pysnmp_get(private, user, *oids)
    assert over_v2c == over_v3 == [str(reading.ifaces[1].rx_octets), "ap-1", "720000"]


def test_rubbish_is_answered_with_silence_and_the_agent_lives_on() -> None:
    with frozen(ap_spec()) as ap, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        rubbish = [
            b"",
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            bytes(2000),
            b"\x30\x03\x02\x01\x01",
            b"\x30\x80",
        ]
        for datagram in rubbish:
            sock.sendto(datagram, (ap.spec.snmp.host, ap.spec.snmp.port))
        with pytest.raises(TimeoutError):
            sock.recv(65535)
        assert snmp("snmpget", str(ap.spec.snmp), ".1.3.6.1.2.1.1.5.0").returncode == 0
