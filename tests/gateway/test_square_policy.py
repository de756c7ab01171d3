"""Policies, power cuts and an uplink that fails, in the square: real packets, real rules, real clocks."""

import json
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Away, Blocked, Emergency, Filter, Terms
from tests import need
from tests.gateway.ruled import sealed
from tests.gateway.streets import LAN, PHONES, PORTAL, WEB
from tests.gateway.streets import ip as link
from tests.gateway.test_console_program import console
from tests.gateway.town import Town, wait_for
from tests.probes import ANDROID

pytestmark = pytest.mark.root
HERE = Path(__file__).parent
CLOCKS = {"at 1970": 1000 - int(time.time()), "a day ahead": 86_400, "a day behind": -86_400}
NOBODY = """\
table inet cut {
  chain input {
    type filter hook input priority -10
    %s
  }
}
"""
NO_PORTAL = NOBODY % f"ip daddr {PORTAL} tcp dport {{ 8080, 8090 }} reject with tcp reset"
NOTICE = "Evacúen la zona del río."
OFFLINE_S = 60.0
LASTS_S = 15
REFUSED = 7  # curl's exit code


@pytest.fixture
def outside(square: Town) -> Iterator[Town]:
    """The square with everybody outside, no policy and the whole Internet."""
    whole(square)
    square.forget_everybody()
    yield square
    whole(square)


def whole(town: Town) -> None:
    town.policy = None
    town.inside("internet", "nft", "flush", "ruleset")


@pytest.fixture
def shim(square: Town) -> str:
    """A library that moves the wall clock of one process."""
    found = square.directory / "clock_shim.so"
    if not found.exists():
        compiler = need.program("cc", "gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", found, HERE / "clock_shim.c"], check=True)
    return str(found)


def give(town: Town, serial: int, **changed: Any) -> None:
    """A policy of this moment, with which the program is started anew."""
    town.policy = sealed(serial, key=town.key, **({"made_at": int(time.time())} | changed))
    town.stop_gateway(signal.SIGKILL)
    town.start_gateway()


def power_cut(town: Town, clock_offset_s: int = 0) -> None:
    """No rules, no neighbours, no program, another boot, and perhaps another time on the wall."""
    town.stop_gateway(signal.SIGKILL)
    town.inside("gateway", "nft", "flush", "ruleset")
    town.inside("gateway", "ip", "neigh", "flush", "all")
    (town.directory / "boot_id").write_text(f"{secrets.token_hex(16)}\n")
    town.start_gateway(clock_offset_s)


def leave(town: Town, name: str) -> None:
    town.curl(name, f"http://{LAN}:2060/leave", "-X", "POST")
    assert not town.online(name)


def state(town: Town, name: str) -> dict[str, Any]:
    """What RFC 8908 says."""
    answer = town.curl(name, town.lease(name)["api"], "--cacert", str(town.directory / "ca.pem"))
    told: dict[str, Any] = json.loads(answer.body)
    return told


def blocked(town: Town, name: str) -> Blocked:
    return Blocked(Phone(PHONES[name], "").device(town.key), "Descarga sin parar", "Ana R.", 0)


def cut(town: Town, rules: str) -> None:
    town.inside("internet", "nft", "flush", "ruleset")
    town.inside("internet", "nft", "-f", "-", text=rules)


@pytest.mark.parametrize("clock", CLOCKS)
def test_after_a_power_cut_who_was_in_is_back_without_a_tap_and_nobody_else(
    outside: Town, shim: str, clock: str
) -> None:
    outside.shim = shim
    grant = outside.enter("phone1")
    outside.enter("phone2")
    leave(outside, "phone2")
    outside.curl("phone1", f"http://{WEB}/drip", "-m", "1", "-o", "/dev/null")
    outside.stop_gateway()  # in good order, so that what was used is kept now and not within a minute
    power_cut(outside, CLOCKS[clock])
    first = outside.curl("phone1", ANDROID.url)
    assert first.status == 204 or (first.status, first.location) == (302, ANDROID.url), first
    assert outside.online("phone1")
    assert not outside.online("phone2")
    assert outside.curl("phone2", grant, "-L").status == 403
    outside.curl("phone1", grant, "-L")
    assert len(outside.rows()) == 2, "the old ticket begins nothing"
    assert 0 < state(outside, "phone1")["seconds-remaining"] <= 600
    leave(outside, "phone1")
    wait_for(lambda: all(row["acctterminatecause"] == "User-Request" for row in outside.rows()), "both ends")
    assert max(row["acctoutputoctets"] for row in outside.rows()) > 10_000, "what was used before is counted"
    power_cut(outside, CLOCKS[clock])
    assert not outside.online("phone1"), "who left is not back"
    assert outside.curl("phone1", grant, "-L").status == 403


def test_a_copied_mac_at_another_address_is_not_let_in_by_a_power_cut(outside: Town) -> None:
    outside.enter("phone1")
    thief = outside.ns("phone2")
    outside.inside("phone1", "ip", "link", "set", "eth0", "down")
    try:
        for command in (
            "link set eth0 down",
            f"link set eth0 address {PHONES['phone1']}",
            "link set eth0 up",
            "addr flush dev eth0 scope global",
            "addr add 10.99.0.77/24 dev eth0",
            f"route replace default via {LAN}",
        ):
            link(thief, command)
        power_cut(outside)
        assert outside.curl("phone2", ANDROID.url).location.startswith(f"http://{PORTAL}:8080/p/")
        assert not outside.online("phone2")
    finally:
        for command in (
            "link set eth0 down",
            f"link set eth0 address {PHONES['phone2']}",
            "link set eth0 up",
            "addr flush dev eth0 scope global",
            "addr add 10.99.0.52/24 dev eth0",
            "addr add 2001:db8:99::3/64 dev eth0 nodad",
            f"route replace default via {LAN}",
            "-6 route replace default via 2001:db8:99::1",
        ):
            link(thief, command)
        back = outside.ns("phone1")
        link(back, "link set eth0 up")
        link(back, "addr replace 2001:db8:99::2/64 dev eth0 nodad")
        link(back, f"route replace default via {LAN}")
        link(back, "-6 route replace default via 2001:db8:99::1")
    wait_for(lambda: outside.online("phone1"), "whose session it is")


def test_while_the_portal_is_away_closed_lets_nobody_new_in_and_open_with_one_press(outside: Town) -> None:
    terms = Terms(1800, 0, 0, 0)
    resolver = outside.spawn("internet", sys.executable, "-m", "http.server", "53", "--bind", WEB)
    try:
        give(outside, 1, resolvers=(WEB,), away=terms)
        outside.enter("phone1")
        cut(outside, NO_PORTAL)
        ours = f"http://{LAN}:2060/away"
        wait_for(lambda: outside.curl("phone2", ANDROID.url).location == ours, "our own page", OFFLINE_S)
        page = outside.curl("phone2", ours)
        assert (page.status, "Quien ya tiene Internet lo sigue teniendo." in page.body) == (503, True)
        assert outside.online("phone1"), "who is in stays in"
        give(outside, 2, resolvers=(WEB,), away=terms, when_controller_away=Away.OPEN)
        wait_for(lambda: outside.curl("phone2", ANDROID.url).location == ours, "our own page", OFFLINE_S)
        button = re.search(r'action="([^"]+)"', outside.curl("phone2", ours).body)
        assert button is not None
        pressed = f"http://{LAN}:2060{button[1]}"
        assert outside.curl("phone1", pressed, "-X", "POST").location == ours
        assert not outside.online("phone2"), "another phone cannot press it"
        assert outside.curl("phone2", pressed, "-X", "POST").location == ours
        assert outside.online("phone2")
        whole(outside)
        way = partial(outside.curl, "phone1", f"http://{LAN}:2060/")
        wait_for(lambda: way().location.startswith(f"http://{PORTAL}:8080/p/"), "the portal", OFFLINE_S)
        assert outside.online("phone2"), "its session goes on"
        row = wait_for(
            lambda: next((one for one in outside.rows() if one["acctuniqueid"].startswith("away-")), None),
            "that session in the books",
        )
        assert row["acctstoptime"] is None
    finally:
        resolver.kill()


def test_an_emergency_needs_only_the_gateway_also_after_a_power_cut_and_ends_by_itself(
    outside: Town, shim: str
) -> None:
    outside.shim = shim
    cut(outside, NO_PORTAL)
    notice = Emergency(int(time.time()) + LASTS_S, NOTICE)
    give(outside, 1, emergency=notice, blocked=(blocked(outside, "phone2"),))
    ours = f"http://{LAN}:2060/emergency"
    for clock in ("before", "at 1970"):
        if clock in CLOCKS:
            power_cut(outside, CLOCKS[clock])
        answer = outside.curl("phone1", f"https://{WEB}/")
        assert answer.exit_code != REFUSED, "what is no plain HTTP passes at once"
        for phone in PHONES:
            assert outside.curl(phone, ANDROID.url).location == ours
            page = outside.curl(phone, ours)
            assert (page.status, NOTICE in page.body) == (200, True)
            assert outside.online(phone), "also the one that is blocked"
        assert state(outside, "phone1")["captive"] is False
    assert "EMERGENCY" in console(outside.directory / "gateway.toml", "status").stdout
    outside.stop_gateway(signal.SIGKILL)  # the kernel ends it though nobody is there
    wait_for(lambda: outside.curl("phone1", f"http://{WEB}/", "-m", "2").status != 200, "its end")
    outside.start_gateway(CLOCKS["a day behind"])
    assert outside.curl("phone1", ANDROID.url).location.startswith(f"http://{PORTAL}:8080/p/")
    assert outside.curl("phone2", ANDROID.url).location == f"http://{LAN}:2060/blocked"


def test_a_phone_that_is_in_is_out_as_soon_as_it_is_blocked(outside: Town) -> None:
    outside.enter("phone1")
    outside.enter("phone2")
    stream = outside.spawn("phone1", sys.executable, "-m", "tests.gateway.talk", "stream", WEB)
    give(outside, 1, blocked=(blocked(outside, "phone1"),), appeal="Presidencia, ventanilla 3")
    assert not outside.online("phone1")
    assert outside.online("phone2")
    answer = outside.curl("phone1", ANDROID.url)
    assert answer.location == f"http://{LAN}:2060/blocked"
    page = outside.curl("phone1", answer.location)
    assert (page.status, "Presidencia, ventanilla 3" in page.body) == (403, True)
    assert int(stream.communicate(timeout=30)[0]) > 0, "what ran has ended"
    assert "blocked here" in console(outside.directory / "gateway.toml", "admit", PHONES["phone1"]).stderr
    power_cut(outside)
    assert not outside.online("phone1")
    wait_for(lambda: outside.online("phone2"), "the other to be back")


def test_a_name_that_is_not_answered_shows_the_page_and_a_probe_the_internet(
    outside: Town,
) -> None:
    outside.enter("phone1")
    give(outside, 1, dns=Filter.MALWARE, appeal="Presidencia, ventanilla 3")
    ours = ("--resolve", f"evil.example:80:{LAN}")
    page = outside.curl("phone1", "http://evil.example/path", *ours)
    assert (page.status, "Esta página no se muestra aquí" in page.body) == (403, True)
    assert outside.online("phone1")
    assert outside.curl("phone2", "http://evil.example/path", *ours).location.startswith(f"http://{PORTAL}")
    written = (outside.directory / "gateway.log").read_bytes()
    assert b"evil.example" not in written
