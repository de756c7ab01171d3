"""The texts that dnsmasq runs with: what stands in them, and that no value leaves its line."""

import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captive_portal.gateway import dnsmasq, policy, rules
from captive_portal.gateway.config import Network
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.policy import Filter, Policy
from captive_portal.gateway.rpz import Verdict, Zone
from tests import need
from tests.gateway.house import NETWORK, OWN_NAME, POLICY, PORTAL_NAME

PLACE = dnsmasq.Place(Path("/run/plaza-gateway"), "nobody")
ZONED = replace(NETWORK, rpz=Path("/etc/plaza-gateway/list"))
FAMILY = replace(POLICY, dns=Filter.FAMILY, resolvers=())


def inside(network: Network = NETWORK, wanted: Policy = POLICY, zone: Zone | None = None) -> list[str]:
    return dnsmasq.inside(network, wanted, PLACE, zone or Zone()).splitlines()


def outside(network: Network = NETWORK, wanted: Policy = POLICY) -> list[str]:
    return dnsmasq.outside(network, wanted, PLACE).splitlines()


def addresses(network: Network = NETWORK, wanted: Policy = POLICY) -> list[str]:
    return dnsmasq.addresses(network, wanted, PLACE).splitlines()


@pytest.mark.parametrize(
    ("guests", "ours", "pieces"),
    [
        ("10.8.16.0/20", "10.8.16.1", [("10.8.16.2", "10.8.31.254")]),
        ("10.8.16.0/20", "10.8.31.254", [("10.8.16.1", "10.8.31.253")]),
        ("10.8.16.0/28", "10.8.16.5", [("10.8.16.1", "10.8.16.4"), ("10.8.16.6", "10.8.16.14")]),
    ],
)
def test_guests_are_given_all_of_their_network_but_our_own_address(
    guests: str, ours: str, pieces: list[tuple[str, str]]
) -> None:
    network = replace(NETWORK, guests=IPv4Network(guests), address=IPv4Address(ours))
    assert [(str(first), str(last)) for first, last in dnsmasq.ranges(network)] == pieces
    assert dnsmasq.size(network) == network.guests.num_addresses - 3
    assert f"dhcp-lease-max={dnsmasq.size(network)}" in addresses(network)
    assert [line for line in addresses(network) if line.startswith("dhcp-range=")] == [
        f"dhcp-range={first},{last},{network.guests.netmask},600" for first, last in pieces
    ]


def test_what_a_filter_says_is_taken_to_our_page_only_where_names_are_filtered() -> None:
    assert "alias=0.0.0.0,10.99.0.1" in inside(wanted=FAMILY)
    assert "local=/mask.icloud.com/" in inside(wanted=FAMILY)
    assert not [line for line in inside() if line.startswith("alias=") or "icloud" in line]


def answered(text: list[str]) -> set[str]:
    """Which of the first and last addresses of private networks, and those beside ours, are let through."""
    refused = [ip_network(line.partition("=")[2]) for line in text if line.startswith("bogus-nxdomain=")]
    networks = map(ip_network, (*rules.PRIVATE, *rules.NOT_GLOBAL, "10.99.0.0/30"))
    tried = {one for network in networks for one in (network[0], network[1], network[-1])}
    return {str(one) for one in tried if not any(one in network for network in refused)}


def test_no_answer_from_outside_holds_a_private_address() -> None:
    assert answered(inside()) == set()
    assert answered(outside()) == answered(outside(wanted=FAMILY)) == set()


def test_where_names_are_filtered_our_page_and_what_a_filter_says_may_be_answered() -> None:
    assert answered(inside(wanted=FAMILY)) == answered(inside(ZONED)) == {"0.0.0.0", "::", "10.99.0.1"}


def test_what_is_not_private_is_answered() -> None:
    refused = [ip_network(line.partition("=")[2]) for line in inside() if line.startswith("bogus-nxdomain=")]
    for public in ("1.1.1.1", "45.60.0.80", "203.0.113.80", "2606:4700:80::80", "2001:db8:80::80"):
        assert not any(ip_address(public) in network for network in refused)


def test_before_the_tap_only_the_garden_has_a_resolver() -> None:
    wanted = replace(POLICY, garden=("gob.mx", "salud.example"), resolvers=("9.9.9.9", "2620:fe::fe"))
    assert [line for line in outside(wanted=wanted) if line.startswith("server=")] == [
        "server=/gob.mx/9.9.9.9",
        "server=/gob.mx/2620:fe::fe",
        "server=/salud.example/9.9.9.9",
        "server=/salud.example/2620:fe::fe",
    ]
    assert {"address=/#/10.99.0.1", "local=/#/"} <= set(outside(wanted=wanted))


def test_the_portal_stays_where_it_is_when_it_is_in_the_garden_or_on_a_list() -> None:
    wanted = replace(POLICY, garden=(PORTAL_NAME, "gob.mx"))
    assert not [line for line in outside(wanted=wanted) if line.startswith(f"server=/{PORTAL_NAME}/")]
    zone = Zone({PORTAL_NAME: Verdict.BLOCK, OWN_NAME: Verdict.BLOCK})
    assert [line for line in inside(ZONED, zone=zone) if line.startswith(f"address=/{PORTAL_NAME}/")] == [
        f"address=/{PORTAL_NAME}/203.0.113.10"
    ]


def test_addresses_of_ipv6_are_named_only_where_ipv6_is_admitted() -> None:
    admitted = replace(POLICY, ipv6=True)
    assert "filter-AAAA" in inside()
    assert "filter-AAAA" in outside()
    assert "enable-ra" not in addresses()
    assert "filter-AAAA" not in inside(wanted=admitted)
    assert "nftset=/gob.mx/4#inet#plaza#named" in outside()
    assert "nftset=/gob.mx/4#inet#plaza#named,6#inet#plaza#named6" in outside(wanted=admitted)
    assert "enable-ra" in addresses(wanted=admitted)


@pytest.mark.parametrize("kind", Filter)
def test_whoever_names_no_resolver_is_given_two_that_do_what_the_policy_says(kind: Filter) -> None:
    used = dnsmasq.resolvers(Policy("08019-plaza", 1, 0, dns=kind))
    assert len(used) == 2
    assert dnsmasq.resolvers(Policy("08019-plaza", 1, 0, dns=kind, resolvers=("9.9.9.9",))) == ("9.9.9.9",)


def test_no_question_and_no_phone_is_ever_written_down() -> None:
    for text in (inside(), outside(), addresses()):
        assert "log-facility=-" in text
        assert not [line for line in text if line.startswith(("log-queries", "log-dhcp", "dumpfile"))]
    assert "dhcp-ignore-names" in addresses()


@pytest.mark.parametrize("address", ["1.1.1.1\nserver=6.6.6.6", "fe80::1%a\nserver=6.6.6.6", "#", ""])
def test_a_resolver_that_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="network: "):
        inside(wanted=replace(POLICY, resolvers=(address,)))


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (NETWORK, replace(POLICY, garden=("gob.mx/evil.test",))),
        (NETWORK, replace(POLICY, garden=("#",))),
        (NETWORK, replace(POLICY, resolvers=("1.1.1.1#5353",))),
        (NETWORK, replace(POLICY, resolvers=("fe80::1%evil0",))),
        (replace(NETWORK, fixed=((f"{PORTAL_NAME}/#", "203.0.113.10"),)), POLICY),
        (replace(NETWORK, fixed=((PORTAL_NAME, "#"),)), POLICY),
        (replace(NETWORK, api="https://gw.plaza.test:8443/a,b"), POLICY),
        (replace(NETWORK, lan="br-lan,wan"), POLICY),
    ],
)
def test_no_value_says_more_than_it_should_within_its_line(network: Network, wanted: Policy) -> None:
    with pytest.raises(ConfigError, match="network: "):
        [text(network, wanted) for text in (outside, inside, addresses)]


HOSTILE = st.text(st.sampled_from("ab.-/#,=\n\r\t \"'\\%:*@\x00\x85\u2028"), min_size=1, max_size=20)


@given(
    HOSTILE, st.sampled_from(["lan", "api", "fixed", "address", "resolver", "garden", "user", "run", "zone"])
)
def test_no_value_can_break_out_of_its_line(value: str, where: str) -> None:
    network, wanted, place, zone = ZONED, replace(POLICY, ipv6=True), PLACE, Zone()
    match where:
        case "lan":
            network = replace(network, lan=value)
        case "api":
            network = replace(network, api=value)
        case "fixed" | "address":
            pair = (value, "203.0.113.10") if where == "fixed" else ("portal.test", value)
            network = replace(network, fixed=(pair,))
        case "resolver":
            wanted = replace(wanted, resolvers=(value,))
        case "garden":
            wanted = replace(wanted, garden=(value,))
        case "user":
            place = replace(place, user=value)
        case "run":
            place = replace(place, directory=Path("/run") / value.replace("\x00", ""))
        case _:
            zone = Zone({value: Verdict.BLOCK})
    good = [_keys(dnsmasq.addresses(ZONED, replace(POLICY, ipv6=True), PLACE))]
    good += [_keys(dnsmasq.outside(ZONED, replace(POLICY, ipv6=True), PLACE))]
    good += [_keys(dnsmasq.inside(ZONED, replace(POLICY, ipv6=True), PLACE, Zone({"a.b": Verdict.BLOCK})))]
    try:
        texts = [
            dnsmasq.addresses(network, wanted, place),
            dnsmasq.outside(network, wanted, place),
            dnsmasq.inside(network, wanted, place, zone),
        ]
    except ConfigError:
        return
    for text, keys in zip(texts, good, strict=True):
        assert text.isascii()
        assert set(_keys(text)) <= set(keys)
        assert text.count("\n") <= len(keys) + 2


def _keys(text: str) -> list[str]:
    return [line.partition("=")[0] for line in text.split("\n")]


HOST = st.from_regex(policy.NAME, fullmatch=True)
ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
POLICIES = st.builds(
    Policy,
    site=st.just("08019-plaza"),
    serial=st.just(1),
    made_at=st.just(0),
    ipv6=st.booleans(),
    dns=st.sampled_from(Filter),
    resolvers=st.lists(ADDRESS, max_size=4).map(tuple),
    garden=st.lists(HOST, max_size=4, unique=True).map(tuple),
)
ZONES = st.builds(
    Zone,
    st.dictionaries(HOST, st.sampled_from(Verdict), max_size=4),
    st.dictionaries(HOST, st.sampled_from(Verdict), max_size=4),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POLICIES, ZONES, st.integers(16, 28))
def test_dnsmasq_takes_whatever_a_policy_can_say(
    tmp_path: Path, wanted: Policy, zone: Zone, prefix: int
) -> None:
    program = need.program("dnsmasq", "dnsmasq-base")
    network = replace(ZONED, guests=IPv4Network(f"10.99.0.0/{prefix}"))
    texts = (
        dnsmasq.addresses(network, wanted, PLACE),
        dnsmasq.outside(network, wanted, PLACE),
        dnsmasq.inside(network, wanted, PLACE, zone),
    )
    for text in texts:
        (tmp_path / "tried").write_text(text)
        command = [program, "--test", f"--conf-file={tmp_path / 'tried'}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
