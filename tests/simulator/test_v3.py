"""SNMPv3: discovery, keys, time and refusals, judged by net-snmp's and pysnmp's clients."""

import asyncio
import dataclasses
from typing import Any

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    usmAesBlumenthalCfb192Protocol,
    usmAesBlumenthalCfb256Protocol,
    usmAesCfb128Protocol,
    usmAesCfb192Protocol,
    usmAesCfb256Protocol,
    usmHMACSHAAuthProtocol,
)

from simulator.model import ApSpec, V3Access
from simulator.snmp.agent import engine_id
from tests.simulator.lab import NOON_S, V3, ap_spec, frozen, rows, snmp
from tests.simulator.test_agent import pysnmp_get
from tests.simulator.wire import discover

AUTH_KEY, PRIV_KEY = V3["auth_key"], V3["priv_key"]
SYS_NAME = ".1.3.6.1.2.1.1.5.0"
PROTOCOLS = {
    "md5-des": ("md5", "des", "MD5", "DES"),
    "sha1-aes": ("sha1", "aes128", "SHA", "AES"),
    "md5-aes192": ("md5", "aes192", "MD5", "AES-192"),
    "sha1-aes192": ("sha1", "aes192", "SHA", "AES-192"),
    "sha1-aes256": ("sha1", "aes256", "SHA", "AES-256"),
    "md5-aes256": ("md5", "aes256", "MD5", "AES-256"),
    "sha512-aes256": ("sha512", "aes256", "SHA-512", "AES-256"),
    "sha224-aes": ("sha224", "aes128", "SHA-224", "AES"),
    "sha256-aes": ("sha256", "aes128", "SHA-256", "AES"),
    "sha384-aes": ("sha384", "aes128", "SHA-384", "AES"),
    "sha512-aes": ("sha512", "aes128", "SHA-512", "AES"),
}


V3_ACCESS = V3Access("plaza", "sha1", AUTH_KEY, "aes128", PRIV_KEY)


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


STRETCHED = {
    "aes192": usmAesBlumenthalCfb192Protocol,
    "aes256": usmAesBlumenthalCfb256Protocol,
    "aes192c": usmAesCfb192Protocol,
    "aes256c": usmAesCfb256Protocol,
}


@pytest.mark.parametrize(("priv", "theirs"), STRETCHED.items(), ids=STRETCHED.keys())
def test_both_ways_to_stretch_a_key_are_understood_by_pysnmp(priv: str, theirs: Any) -> None:
    user = UsmUserData("plaza", AUTH_KEY, PRIV_KEY, authProtocol=usmHMACSHAAuthProtocol, privProtocol=theirs)
    with frozen(private_ap(priv=priv)) as ap:
        assert pysnmp_get(ap.spec, user, SYS_NAME[1:]) == ["ap-1"]


def test_an_agent_with_a_context_answers_in_that_one_only() -> None:
    spec = dataclasses.replace(private_ap(), access=dataclasses.replace(V3_ACCESS, context="vlan-20"))
    with frozen(spec):
        inside = snmp("snmpget", str(spec.snmp), SYS_NAME, options=(*login(), "-n", "vlan-20"))
        outside = snmp("snmpget", str(spec.snmp), SYS_NAME, options=login())
    assert rows(inside.stdout) == {SYS_NAME: "ap-1"}, inside.stderr
    assert "context" in outside.stderr


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
    with frozen(private_ap("ap-08019-1"), boots=3, uptime_s=7200) as ap:
        report = discover((ap.spec.snmp.host, ap.spec.snmp.port))
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
