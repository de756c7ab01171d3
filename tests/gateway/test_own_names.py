"""The whole gateway, which gives phones addresses and names itself, also through a kill."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway.policy import Policy, seal
from tests import need
from tests.gateway import certificates
from tests.gateway.squares import PROGRAMS
from tests.gateway.streets import LAN, WEB, run
from tests.gateway.town import NAME, SITE, Town, town, wait_for
from tests.probes import ANDROID

GARDEN = "http://www.salud.gob.mx/"


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The square whose gateway has a garden of names and no other resolver beside it; phone1 has joined."""
    need.root()
    found = {name: need.program(name, package) for name, package in PROGRAMS.items()}
    directory = tmp_path_factory.mktemp("square")
    certificates.write(directory, NAME)
    with town(directory) as built:
        built.own_names = True
        built.policy = seal(built.key, Policy(SITE, 1, 1_800_000_000, garden=("gob.mx",)))
        built.start(found["dnsmasq"])
        built.forget_everybody()
        built.join("phone1")
        yield built


@pytest.fixture
def outside(square: Town) -> Town:
    square.forget_everybody()
    return square


def test_a_phone_is_told_where_the_portal_is_and_is_led_there(outside: Town) -> None:
    lease = outside.lease("phone1")
    assert (lease["router"], lease["dns"]) == (LAN, LAN)
    assert lease["api"] == f"https://{NAME}:8443/capport"
    assert outside.curl("phone1", ANDROID.url).status == 302


def test_a_phone_that_taps_gets_names_of_the_internet_and_loses_them_with_its_door(outside: Town) -> None:
    outside.enter("phone1")
    assert outside.curl("phone1", "http://anything.example.test/").body == f"I am {WEB}\n"
    outside.dismiss(outside.rows()[0]["acctuniqueid"])
    wait_for(lambda: not outside.online("phone1"), "the door to shut")
    asked = len((outside.directory / "asked").read_text().splitlines())
    assert outside.curl("phone1", "http://secret-data.example.test/").status == 302
    assert len((outside.directory / "asked").read_text().splitlines()) == asked


def test_a_garden_name_is_reached_before_the_tap_and_only_that(outside: Town) -> None:
    assert outside.curl("phone1", GARDEN).body == f"I am {WEB}\n"
    assert outside.curl("phone1", "http://www.salud.gob.mx.evil.test/").status == 302
    assert outside.curl("phone1", "http://www.xgob.mx/").status == 302


def test_a_killed_gateway_costs_nobody_their_names_and_the_next_goes_on_with_them(outside: Town) -> None:
    outside.enter("phone1")
    pids = _pids(outside)
    outside.stop_gateway(signal.SIGKILL)
    assert outside.online("phone1")
    assert _pids(outside) == pids
    outside.start_gateway()
    assert outside.online("phone1")
    assert _pids(outside) == pids


def test_a_gateway_that_is_told_to_stop_leaves_no_dnsmasq_behind(outside: Town) -> None:
    assert _pids(outside)
    outside.stop_gateway()
    assert not _pids(outside)
    outside.start_gateway()
    assert outside.curl("phone1", ANDROID.url).status == 302


def test_a_dnsmasq_that_dies_is_begun_anew_by_the_gateway(outside: Town) -> None:
    for pid in _pids(outside):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(_pids(outside)) == 3, "all three", 20)
    assert outside.curl("phone1", ANDROID.url).status == 302


def test_no_phone_and_no_name_is_in_the_gateways_log_or_on_its_disk(outside: Town) -> None:
    outside.enter("phone1")
    outside.curl("phone1", "http://quite-secret.example.test/")
    mac, ip = "02:ca:fe:5e:00:01", outside.lease("phone1")["ip"]
    kept = [*(outside.directory / "state").rglob("*"), outside.directory / "gateway.log"]
    said = b"".join(path.read_bytes() for path in kept if path.is_file())
    for secret in (mac, mac.upper(), ip, "quite-secret"):
        assert secret.encode() not in said


def _pids(square: Town) -> set[int]:
    """Our dnsmasq in the square, those that have given their ports back left out."""
    pids = map(int, run("ip", "netns", "pids", square.ns("gateway")).split())
    return {pid for pid in pids if b"dnsmasq" in _words(pid)[0]}


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]
