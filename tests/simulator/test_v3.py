"""SNMPv3: discovery, keys, time and refusals, judged by net-snmp's and pysnmp's clients."""

import asyncio
import dataclasses
import socket

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
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

from simulator.model import ApSpec
from simulator.snmp import ber, v3
from simulator.snmp.agent import engine_id
from tests.simulator.lab import NOON_S, V3, WAIT_S, ap_spec, frozen, rows, snmp

AUTH_KEY, PRIV_KEY = V3["auth_key"], V3["priv_key"]
SYS_NAME = ".1.3.6.1.2.1.1.5.0"
PROTOCOLS = {
    "md5-des": ("md5", "des", "MD5", "DES"),
    "sha1-aes": ("sha1", "aes128", "SHA", "AES"),
    "sha224-aes": ("sha224", "aes128", "SHA-224", "AES"),
    "sha256-aes": ("sha256", "aes128", "SHA-256", "AES"),
    "sha384-aes": ("sha384", "aes128", "SHA-384", "AES"),
    "sha512-aes": ("sha512", "aes128", "SHA-512", "AES"),
}


def private_ap(name: str = "ap-1", auth: str = "sha1", priv: str = "aes128") -> ApSpec:
    return ap_spec(
        name, user="plaza", auth_protocol=auth, auth_key=AUTH_KEY, priv_protocol=priv, priv_key=PRIV_KEY
    )


def login(
    auth: str = "SHA", priv: str = "AES", user: str = "plaza", level: str = "authPriv", **keys: str
) -> tuple[str, ...]:
    auth_key, priv_key = keys.get("auth_key", AUTH_KEY), keys.get("priv_key", PRIV_KEY)
    return ("-v3", "-u", user, "-l", level, "-a", auth, "-A", auth_key, "-x", priv, "-X", priv_key)


@pytest.mark.parametrize("names", PROTOCOLS.values(), ids=PROTOCOLS.keys())
def test_every_protocol_pair_is_understood_by_net_snmp(names: tuple[str, str, str, str]) -> None:
    auth, priv, theirs_auth, theirs_priv = names
    with frozen(private_ap(auth=auth, priv=priv)) as ap:
        asked = snmp("snmpget", str(ap.spec.snmp), SYS_NAME, options=login(theirs_auth, theirs_priv))
    assert rows(asked.stdout) == {SYS_NAME: "ap-1"}, asked.stderr


def test_users_without_privacy_or_authentication_work_at_their_own_level() -> None:
    with frozen(ap_spec(user="plaza", auth_protocol="sha1", auth_key=AUTH_KEY)) as ap:
        asked = snmp("snmpget", str(ap.spec.snmp), SYS_NAME, options=login(level="authNoPriv"))
        assert rows(asked.stdout) == {SYS_NAME: "ap-1"}, asked.stderr
    with frozen(ap_spec(user="plaza")) as ap:
        asked = snmp(
            "snmpget", str(ap.spec.snmp), SYS_NAME, options=("-v3", "-u", "plaza", "-l", "noAuthNoPriv")
        )
        assert rows(asked.stdout) == {SYS_NAME: "ap-1"}, asked.stderr


REFUSALS = {
    "wrong authentication passphrase": (login(auth_key="another-phrase"), "Authentication failure"),
    "wrong privacy passphrase": (login(priv_key="another-phrase"), "Decryption error"),
    "unknown user": (login(user="somebody"), "Unknown user name"),
    "less than the user's level": (login(level="authNoPriv"), "authorizationError"),
    "unknown context": ((*login(), "-n", "vlan-20"), "context"),
}


@pytest.mark.parametrize(("options", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_told_in_the_right_report(options: tuple[str, ...], said: str) -> None:
    with frozen(private_ap()) as ap:
        asked = snmp("snmpget", str(ap.spec.snmp), SYS_NAME, options=options)
    assert asked.returncode != 0
    assert said in asked.stderr


def test_privacy_is_refused_to_a_user_without_it() -> None:
    with frozen(ap_spec(user="plaza", auth_protocol="sha1", auth_key=AUTH_KEY)) as ap:
        asked = snmp("snmpget", str(ap.spec.snmp), SYS_NAME, options=login())
    assert "Unsupported security level" in asked.stderr


def test_discovery_tells_the_ap_s_own_engine_its_boots_and_its_seconds() -> None:
    nothing = ber.octets(b"")
    security = ber.tlv(ber.SEQUENCE, nothing + ber.integer(0) * 2 + nothing * 3)
    head = ber.integer(99) + ber.integer(65507) + ber.octets(b"\x04") + ber.integer(3)
    scoped = ber.tlv(
        ber.SEQUENCE, nothing * 2 + ber.tlv(0xA0, ber.integer(1) * 3 + ber.tlv(ber.SEQUENCE, b""))
    )
    message = ber.integer(3) + ber.tlv(ber.SEQUENCE, head) + ber.octets(security) + scoped
    with (
        frozen(private_ap("ap-08019-1"), boots=3, uptime_s=7200) as ap,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(WAIT_S)
        sock.sendto(ber.tlv(ber.SEQUENCE, message), (ap.spec.snmp.host, ap.spec.snmp.port))
        report = v3.parse(sock.recv(65535))
    assert (report.message_id, report.engine_id) == (99, b"\x80\x00\x1f\x88\x04ap-08019-1")
    assert (report.boots, report.time_s) == (3, 7200)


def test_two_aps_have_two_engine_ids_however_long_their_names_are() -> None:
    names = ["ap-1", "ap-2", "a-very-long-access-point-name-1", "a-very-long-access-point-name-2"]
    engines = {engine_id(name) for name in names}
    assert len(engines) == 4
    assert all(5 <= len(engine) <= 32 for engine in engines), "RFC 3411"


def test_a_message_from_outside_the_time_window_gets_the_real_time_and_then_an_answer() -> None:
    with frozen(private_ap(), boots=3, uptime_s=7200) as ap:
        stale = (*login(), "-e", "0x" + engine_id("ap-1").hex(), "-Z", "2,50")
        asked = snmp("snmpget", str(ap.spec.snmp), SYS_NAME, options=stale)
    assert rows(asked.stdout) == {SYS_NAME: "ap-1"}, asked.stderr


def test_a_poller_that_knew_the_ap_before_its_restart_finds_it_again() -> None:
    spec = private_ap()
    user = UsmUserData(
        "plaza", AUTH_KEY, PRIV_KEY, authProtocol=usmHMACSHAAuthProtocol, privProtocol=usmAesCfb128Protocol
    )

    async def poll_twice() -> list[str]:
        engine, answers = SnmpEngine(), []
        for boots in (1, 2):
            with frozen(spec, NOON_S, uptime_s=1000 // boots, boots=boots):
                target = await UdpTransportTarget.create(
                    (spec.snmp.host, spec.snmp.port), timeout=5, retries=2
                )
                wanted = ObjectType(ObjectIdentity(SYS_NAME[1:]))
                problem, _, _, varbinds = await get_cmd(
                    engine, user, target, ContextData(), wanted, lookupMib=False
                )
                answers.append(str(problem or varbinds[0][1]))
        engine.close_dispatcher()
        return answers

    assert asyncio.run(poll_twice()) == ["ap-1", "ap-1"]


def test_keys_never_show_in_a_repr() -> None:
    spec = private_ap()
    assert AUTH_KEY not in repr(spec)
    assert PRIV_KEY not in repr(spec)
    assert "plaza" not in repr(dataclasses.replace(spec, access=ap_spec().access).access)
