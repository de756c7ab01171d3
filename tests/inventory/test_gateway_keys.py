"""`gateway:` says what our own gateway at a site does; it is inherited key by key."""

from pathlib import Path

import pytest

from captive_portal.gateway.policy import Away, Filter, Terms
from controller import inventory
from controller.errors import InventoryError
from controller.model import Ipv6, OwnGateway

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
ABOVE, BELOW = "defaults:\n", "08019-plaza: {municipality: 08019,"
SITE, OTHER = "08019-plaza", "08019-school"


def written(path: Path, above: str = "", below: str = "", text: str = GOOD) -> Path:
    file = path / "inventory.yaml"
    text = text.replace(ABOVE, f"{ABOVE}  gateway: {{{above}}}\n", 1) if above else text
    text = text.replace(BELOW, f"{BELOW} gateway: {{{below}}},", 1) if below else text
    file.write_text(text, encoding="utf-8")
    return file


def mistake(path: Path, above: str = "", below: str = "") -> str:
    with pytest.raises(InventoryError) as caught:
        inventory.load(written(path, above, below))
    (problem,) = caught.value.problems
    return str(problem).partition("inventory.yaml:")[2]


def test_what_nobody_writes_is_shut_plain_and_the_uplinks(tmp_path: Path) -> None:
    found = inventory.load(written(tmp_path)).sites[SITE].gateway
    assert found == OwnGateway(line_down_kbps=100_000, line_up_kbps=50_000)
    assert (found.when_controller_away, found.away) == (Away.CLOSED, Terms(3600, 0, 0, 0))
    assert (found.ipv6, found.dns, found.garden, found.key_epoch) == (Ipv6.BLOCK, Filter.NONE, (), 0)


def test_a_site_adds_to_what_the_state_says_and_takes_away_by_null(tmp_path: Path) -> None:
    above = """when_controller_away: open, ipv6: admit, garden: [gob.mx, "*.Chihuahua.gob.mx"],
    away: {duration: 30m, octets: 100MB, rate: {down_kbps: 500}}, appeal: "Llama.\\nGracias.",
    dns: {policy: family, resolvers: [1.1.1.3]}"""
    below = "away: {octets: 0}, dns: null, garden: [imss.gob.mx], appeal: null, "
    below += "key_epoch: 2, line: {up_kbps: 900}"
    sites = inventory.load(written(tmp_path, above, below)).sites
    here, there = sites[SITE].gateway, sites[OTHER].gateway
    assert (here.when_controller_away, here.away) == (Away.OPEN, Terms(1800, 0, 500, 0))
    assert (here.dns, here.resolvers, here.garden, here.appeal) == (Filter.NONE, (), ("imss.gob.mx",), "")
    assert (here.key_epoch, here.line_down_kbps, here.line_up_kbps) == (2, 100_000, 900)
    assert (there.away.octets, there.ipv6, there.dns) == (100_000_000, Ipv6.ADMIT, Filter.FAMILY)
    assert (there.garden, there.appeal) == (("gob.mx", "chihuahua.gob.mx"), "Llama.\nGracias.")


def test_explain_tells_where_each_comes_from(tmp_path: Path) -> None:
    file = written(tmp_path, "away: {duration: 30m}", "ipv6: admit")
    told = inventory.explain(file, SITE, "gateway.away.duration")
    assert (told.value, told.level) == ("30m", "state defaults")
    told = inventory.explain(file, SITE, "gateway.ipv6")
    assert (told.value, told.level) == ("admit", f"site {SITE}")
    told = inventory.explain(file, SITE, "gateway.when_controller_away")
    assert (told.value, told.level, told.line) == ("closed", "built-in default", 0)


@pytest.mark.parametrize(
    ("above", "what"),
    [
        ("when_controller_away: ajar", "when_controller_away: is not known, write one of closed, open"),
        ("when_controler_away: open", "is an unknown key, did you mean when_controller_away?"),
        ("ipv6: true", "ipv6: is not known, write one of admit, block"),
        ("away: {duration: 25h}", "away.duration: is longer than 24h, write at most 24h"),
        ("away: {duration: 0m}", "away.duration: '0m' is no duration"),
        ("away: {octets: lots}", "away.octets: 'lots' is no amount of data"),
        ("away: {rate: {down_kbps: -1}}", "away.rate.down_kbps: is too small, write at least 0"),
        ("dns: {policy: kids}", "dns.policy: is not known, write one of family, malware, none"),
        ("dns: {resolvers: [one.one.one.one]}", "is no IP address"),
        ("dns: {resolvers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 9.9.9.9, 9.9.9.10]}", "has more than 4 entries"),
        ("garden: [https://gob.mx]", "is no name of a service, write it like gob.mx"),
        ("garden: [mx]", "is no name of a service"),
        ("garden: gob.mx", "garden: must be a list"),
        ('appeal: ""', "appeal: is empty"),
        ('appeal: "\\a"', "appeal: holds a control character"),
        ("key_epoch: -1", "key_epoch: is too small, write at least 0"),
        ("key_epoch: 1000000", "key_epoch: is too large, write at most 999999"),
        ("guests: 10.8.0.0/8", "is no network of guests, write it like 10.8.16.0/20, from /16 to /28"),
        ("guests: 10.8.0.1/24", "is no network of guests"),
        ('guests: "fd00::/64"', "is no network of guests"),
        ("line: {down_kbps: fast}", "line.down_kbps: must be a whole number"),
    ],
)
def test_a_mistake_is_one_line_where_it_is(tmp_path: Path, above: str, what: str) -> None:
    said = mistake(tmp_path, above)
    line = GOOD[: GOOD.index(ABOVE)].count("\n") + 2
    assert said.startswith(f"{line}: defaults.gateway")
    assert what in said


def test_a_gateway_stands_in_the_network_that_it_gives_addresses_of(tmp_path: Path) -> None:
    assert (
        inventory.load(written(tmp_path, "guests: 10.8.0.0/20")).sites[SITE].gateway.guests == "10.8.0.0/20"
    )
    said = mistake(tmp_path, below="guests: 10.9.0.0/20")
    assert f"sites.{SITE}.gateway.guests: does not hold 10.8.0.1, where {SITE} has its gateway" in said


def test_another_makers_gateway_is_asked_nothing(tmp_path: Path) -> None:
    text = GOOD.replace(
        "portal: {gateway_url", "portal: {kind: mikrotik, hosts: [gate.example.mx], gateway_url"
    )
    file = written(tmp_path, below="guests: 10.9.0.0/20, dns: {policy: family}", text=text)
    assert inventory.load(file).sites[SITE].gateway.guests == "10.9.0.0/20", "no mistake is found in it"
