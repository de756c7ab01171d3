"""Names before the tap and after it, with the gateway's rules in place: what leaves, and what is answered."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from captive_portal.gateway import dnsmasq
from captive_portal.gateway.policy import Filter, Policy
from tests.gateway.house import (
    FOREIGN,
    FOREIGN6,
    NETWORK,
    OWN_NAME,
    POLICY,
    PORTAL_NAME,
    UPSTREAM,
    House,
    Reply,
    house,
    message,
    raw,
)
from tests.gateway.resolver import AAAA, ANY, NULL, TXT, WEB4, WEB6
from tests.gateway.streets import LAN, LAN6, PHONES, PORTAL
from tests.gateway.town import wait_for
from tests.probes import PROBES

A, CNAME, MX, DS, HTTPS, AXFR = 1, 5, 15, 43, 65, 252
NXDOMAIN, OK = 3, 0
DOOR = f"{PHONES['phone1']} . 10.99.0.51"
TUNNEL = "t.evil.test"
UPDATE, NOTIFY, STATUS = 5 << 11, 4 << 11, 2 << 11


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as built:
        built.put_rules()
        yield built


@pytest.fixture
def outside(square: House) -> Iterator[House]:
    """phone1 has no door; names are given by POLICY."""
    yield from _ruled(square, POLICY)


@pytest.fixture
def admitted(square: House) -> Iterator[House]:
    """phone1 has no door, IPv6 passes."""
    square.nft("add element inet plaza regime { 1 }")
    yield from _ruled(square, replace(POLICY, ipv6=True))


@pytest.fixture
def inside(square: House) -> Iterator[House]:
    """phone1 is in."""
    square.nft("add element inet plaza open { 7 }", "; add element inet plaza door { " + DOOR + " : 7 }")
    yield from _ruled(square, POLICY)


@pytest.fixture
def inside_family(square: House) -> Iterator[House]:
    """phone1 is in, names are filtered for families."""
    square.nft("add element inet plaza open { 7 }", "; add element inet plaza door { " + DOOR + " : 7 }")
    yield from _ruled(square, replace(POLICY, dns=Filter.FAMILY))


def _ruled(square: House, policy: Policy) -> Iterator[House]:
    square.started(policy=policy)  # those that run by this policy go on
    square.forget()
    yield square
    for name in ("door", "open", "named", "named6", "regime", "asking"):
        square.nft(f"flush {'map' if name == 'door' else 'set'} inet plaza {name}")


def put_in(square: House) -> None:
    square.nft("add element inet plaza door { " + DOOR + " : 7 }")


@pytest.mark.parametrize("kind", [A, AAAA, TXT, NULL, CNAME, MX, HTTPS, ANY, AXFR, DS, 65280])
@pytest.mark.parametrize("tcp", [False, True])
def test_before_the_tap_no_question_of_any_kind_leaves(outside: House, kind: int, tcp: bool) -> None:
    name = f"{os.urandom(20).hex()}.{TUNNEL}"
    reply = outside.send(LAN, message(name, kind), tcp=tcp)
    assert reply == (Reply(OK, ("0a630001",)) if kind in {A, ANY} else Reply(OK))
    assert outside.upstream() == []


@pytest.mark.parametrize("server", [FOREIGN, UPSTREAM, FOREIGN6, LAN6])
@pytest.mark.parametrize("tcp", [False, True])
def test_before_the_tap_other_resolvers_are_not_reached(outside: House, server: str, tcp: bool) -> None:
    for kind in (A, TXT, NULL):
        reply = outside.send(server, message(f"{os.urandom(20).hex()}.{TUNNEL}", kind), tcp=tcp)
        assert reply.code is None or reply.values in {(), ("0a630001",)}
    assert outside.upstream() == []


@pytest.mark.parametrize("server", [FOREIGN6, LAN6])
def test_before_the_tap_nothing_leaves_by_ipv6_where_that_is_admitted(admitted: House, server: str) -> None:
    for tcp in (False, True):
        for kind in (A, AAAA, TXT):
            reply = admitted.send(server, message(f"{os.urandom(20).hex()}.{TUNNEL}", kind), tcp=tcp)
            assert reply.code is None or reply.values in {(), ("0a630001",)}
    assert admitted.upstream() == []


ODD = {
    "longest name": raw([b"a" * 63] * 3 + [b"b" * 61]),
    "longest label": raw([b"a" * 63, b"evil", b"test"]),
    "any octet": raw([bytes(range(63)), bytes(range(128, 191)), b"evil", b"test"]),
    "dot in a label": raw([b"data.gob", b"mx.evil.test"]),
    "zero in a label": raw([b"gob\0", b"evil", b"test"]),
    "capitals": raw([b"EVIL", b"TEST"]),
    "root": raw([]),
    "two questions": raw([b"a", b"evil", b"test"])[:4]
    + b"\0\2"
    + raw([b"a", b"evil", b"test"])[6:]
    + b"\4evil\4test\0\0\x10\0\1",
    "no question": raw([b"a", b"evil", b"test"])[:4] + b"\0\0" + raw([b"a", b"evil", b"test"])[6:],
    "update": raw([b"a", b"evil", b"test"], flags=UPDATE),
    "notify": raw([b"a", b"evil", b"test"], flags=NOTIFY),
    "status": raw([b"a", b"evil", b"test"], flags=STATUS),
    "an answer": raw([b"a", b"evil", b"test"], flags=0x8180),
    "chaos": raw([b"a", b"evil", b"test"], TXT)[:-1] + b"\3",
    "look-alike": raw([b"xgob", b"mx"]),
    "look-alike in front": raw([b"www", b"gob", b"mx", b"evil", b"test"]),
    "look-alike label": raw([b"www.gob.mx", b"evil"]),
    "parent": raw([b"mx"]),
    "reverse": raw([b"8", b"8", b"8", b"8", b"in-addr", b"arpa"], 12),
    "wildcard": raw([b"*", b"evil", b"test"]),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("tcp", [False, True])
def test_before_the_tap_no_odd_question_leaves(outside: House, odd: str, tcp: bool) -> None:
    outside.send(LAN, ODD[odd], tcp=tcp)
    outside.send(FOREIGN, ODD[odd], tcp=tcp)
    assert outside.upstream() == []
    assert outside.ask("anything.test").addresses == [LAN]


def test_before_the_tap_the_port_of_those_who_are_in_is_shut(outside: House) -> None:
    for tcp in (False, True):
        outside.send(LAN, message(f"a.{TUNNEL}", TXT), port=53, tcp=tcp)
        outside.send(LAN6, message(f"a.{TUNNEL}", TXT), port=53, tcp=tcp)
    assert outside.upstream() == []


def test_the_portal_and_the_probes_are_answered_without_an_uplink(outside: House) -> None:
    outside.nft("add table inet cut; add chain inet cut out { type filter hook output priority 0; }")
    outside.nft("add rule inet cut out oifname wan drop")
    try:
        assert outside.ask(PORTAL_NAME).addresses == [PORTAL]
        assert outside.ask(OWN_NAME).addresses == [LAN]
        assert outside.ask(PORTAL_NAME, AAAA) == Reply(OK)
        for name in {probe.host for probe in PROBES}:
            assert outside.ask(name).addresses == [LAN]
            assert outside.ask(name, AAAA) == Reply(OK)
    finally:
        outside.nft("delete table inet cut")


def test_what_is_answered_before_the_tap_is_not_kept_by_the_phone(outside: House) -> None:
    assert outside.ask("anything.test").ttl == outside.ask(PORTAL_NAME).ttl == 0
    assert outside.ask("www.gob.mx").ttl == 60


def test_a_garden_name_is_answered_before_the_tap_and_its_address_is_opened(outside: House) -> None:
    assert outside.ask("www.gob.mx").addresses == [WEB4]
    assert outside.ask("www.gob.mx", AAAA) == Reply(OK)
    assert outside.upstream() == [f"{UPSTREAM} www.gob.mx 1", f"{UPSTREAM} www.gob.mx 28"]
    assert WEB4 in outside.nft("list set inet plaza named")
    assert WEB6 not in outside.nft("list set inet plaza named6")


def test_a_garden_name_opens_its_addresses_of_ipv6_where_that_is_admitted(admitted: House) -> None:
    assert admitted.ask("www.gob.mx", AAAA).addresses == [WEB6]
    assert WEB6 in admitted.nft("list set inet plaza named6")


@pytest.mark.parametrize("name", ["inner.gob.mx", "loop.gob.mx", "shared.gob.mx", "zero.gob.mx"])
def test_a_garden_name_with_a_private_address_opens_nothing(admitted: House, name: str) -> None:
    for kind in (A, AAAA):
        assert admitted.ask(name, kind) == Reply(NXDOMAIN)
    assert "elements" not in admitted.nft("list set inet plaza named")
    assert "elements" not in admitted.nft("list set inet plaza named6")


def test_a_garden_name_with_a_private_address_among_others_opens_nothing(admitted: House) -> None:
    assert admitted.ask("mixed.gob.mx") == Reply(NXDOMAIN)
    assert "elements" not in admitted.nft("list set inet plaza named")


def test_another_name_with_the_same_address_opens_nothing(outside: House) -> None:
    for name in ("xgob.mx", "gob.mx.evil.test", "mx"):
        assert outside.ask(name).addresses == [LAN]
    assert "elements" not in outside.nft("list set inet plaza named")


def test_after_the_tap_names_are_the_resolvers(inside: House) -> None:
    assert inside.ask("www.example.test").addresses == [WEB4]
    assert inside.ask("www.example.test", TXT).values == ("0464617461",)
    assert inside.ask("nothing.example.test") == Reply(NXDOMAIN)
    assert inside.ask(PORTAL_NAME).addresses == [PORTAL]
    assert inside.ask("mask.icloud.com").addresses == [WEB4]
    assert f"{UPSTREAM} www.example.test 16" in inside.upstream()
    assert {line.split()[0] for line in inside.upstream()} == {UPSTREAM}


def test_after_the_tap_every_question_goes_to_the_policys_resolver(inside: House) -> None:
    """Also one that the phone sends to a resolver of its own."""
    assert inside.send(FOREIGN, message("own.example.test")).addresses == [WEB4]
    assert inside.upstream() == [f"{UPSTREAM} own.example.test 1"]


def test_after_the_tap_no_name_leads_to_a_private_address(inside: House) -> None:
    for name in ("inner", "loop", "shared", "zero", "mixed"):
        assert inside.ask(f"{name}.example.test") == Reply(NXDOMAIN)


def test_after_the_tap_no_name_leads_to_us_where_nothing_is_filtered(inside: House) -> None:
    assert LAN not in inside.ask("zero.example.test").addresses


def test_a_name_that_the_resolver_filters_leads_to_our_page(inside_family: House) -> None:
    assert inside_family.ask("zero.example.test", AAAA) == Reply(OK)
    assert inside_family.ask("zero.example.test").addresses == [LAN]
    assert inside_family.ask("www.example.test").addresses == [WEB4]
    assert inside_family.ask("nothing.example.test") == Reply(NXDOMAIN)
    assert inside_family.ask("inner.example.test") == Reply(NXDOMAIN)


@pytest.mark.parametrize("name", [*dnsmasq.CANARIES, "_dns.resolver.arpa"])
def test_where_names_are_filtered_phones_are_told_to_ask_us(inside_family: House, name: str) -> None:
    for kind in (A, AAAA, HTTPS):
        assert inside_family.ask(name, kind) == Reply(NXDOMAIN)
    assert inside_family.upstream() == []


ZONE = """\
alone.example.test CNAME .
*.below.example.test CNAME .
both.example.test CNAME .
*.both.example.test CNAME .
good.both.example.test CNAME rpz-passthru.
portal.chihuahua.test CNAME .
"""


def test_a_zone_of_our_own_is_kept_to_the_letter(square: House) -> None:
    zone = square.directory / "list"
    zone.write_text(ZONE)
    put_in(square)
    try:
        square.started(replace(NETWORK, rpz=zone))
        blocked = ["alone", "x.below", "both", "x.both", "x.y.both", "x.good.both"]
        passed = ["x.alone", "below", "good.both", "xboth", "other"]
        for name in blocked:
            assert square.ask(f"{name}.example.test").addresses == [LAN], name
            assert square.ask(f"{name}.example.test", AAAA) == Reply(OK)
            assert square.ask(f"{name}.example.test", TXT) == Reply(OK)
        for name in passed:
            assert square.ask(f"{name}.example.test").addresses == [WEB4], name
        assert square.ask(PORTAL_NAME).addresses == [PORTAL]
    finally:
        square.close()
        square.nft("flush map inet plaza door")


def test_a_name_that_was_asked_before_is_answered_when_the_satellite_is_away(inside: House) -> None:
    assert inside.ask("stale.example.test").addresses == [WEB4]
    inside.nft("add table inet cut; add chain inet cut out { type filter hook output priority 0; }")
    inside.nft("add rule inet cut out oifname wan drop")
    try:
        wait_for(lambda: inside.ask("stale.example.test").ttl == 0, "an answer that is too old", 5)
        assert inside.ask("stale.example.test").addresses == [WEB4]
    finally:
        inside.nft("delete table inet cut")
