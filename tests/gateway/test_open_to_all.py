"""An emergency: the kernel lets everybody through, for so long, and nobody must be alive for it to end."""

import sys
from pathlib import Path

import pytest

from captive_portal.gateway.enforcer import Regime
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.shaping import Rate
from tests.gateway import streets as ground
from tests.gateway.alley import HERE, HERE6, SECRETS6, Alley
from tests.gateway.conftest import PHONE, Clock
from tests.gateway.streets import LAN, LAN6, PORTAL, SECRETS, WEB, WEB6
from tests.gateway.town import wait_for

PHONES = ("phone1", "phone2")


@pytest.fixture
def emergency(streets: Alley) -> Alley:
    """Nobody has tapped, and everybody may pass; both phones saw the notice."""
    streets.anew()
    streets.enforcer.open_to_all(600)
    for phone in HERE.values():
        streets.enforcer.informed(phone)
    return streets


@pytest.mark.root
def test_everybody_passes_without_a_tap_in_both_families(emergency: Alley) -> None:
    for phone in PHONES:
        for ip in (WEB, WEB6):
            assert emergency.passes(phone, ip)
            assert emergency.passes(phone, ip, 443)
            assert emergency.talk(phone, "echo", ip) == "hello"
    assert emergency.talk("phone1", "dns", WEB, "noticias.test") == WEB, "and all names are answered"
    assert emergency.talk("phone1", "dns", LAN6, "noticias.test") == WEB
    assert emergency.enforcer.survey() == {}, "nobody has a session"


@pytest.mark.root
def test_ipv6_passes_only_where_the_site_admits_it(emergency: Alley) -> None:
    emergency.enforcer.govern(Regime())
    assert emergency.passes("phone1", WEB)
    assert emergency.refused("phone1", WEB6)


@pytest.mark.root
@pytest.mark.parametrize("ip", [*SECRETS.values(), *SECRETS6.values()])
def test_nobody_reaches_in_an_emergency_what_guests_never_reach(emergency: Alley, ip: str) -> None:
    for port in (80, 443):
        assert not emergency.passes("phone1", ip, port)
    assert emergency.talk("phone1", "echo", ip) == "silence"


@pytest.mark.root
def test_no_guest_reaches_another_nor_the_gateways_own_services(emergency: Alley) -> None:
    service = emergency.streets.spawn("gateway", sys.executable, "-m", "http.server", "22", "--bind", "::")
    other = emergency.streets.spawn("phone2", sys.executable, "-m", "http.server", "9000", "--bind", "::")
    phone = emergency.streets.ns("phone1")
    ground.ip(phone, f"route replace {HERE['phone2'].ip}/32 via {LAN}")
    ground.ip(phone, f"-6 route replace {HERE6['phone2']}/128 via {LAN6}")
    try:
        for place, url in (("gateway", f"http://{LAN}:22/"), ("phone2", "http://127.0.0.1:9000/")):
            wait_for(lambda: emergency.streets.inside(place, "curl", "-s", url, check=False), place)  # noqa: B023
        for ip in (LAN, LAN6, "198.51.100.2"):
            assert emergency.refused("phone1", ip, 22)
        for ip in (HERE["phone2"].ip, HERE6["phone2"]):
            assert emergency.refused("phone1", ip, 9000)
    finally:
        service.kill()
        other.kill()
        ground.ip(phone, f"route del {HERE['phone2'].ip}/32")
        ground.ip(phone, f"-6 route del {HERE6['phone2']}/128")


@pytest.mark.root
def test_the_kernel_ends_it_alone_and_cuts_what_runs(streets: Alley) -> None:
    streets.anew()
    streets.enforcer.open_to_all(4)
    streets.enforcer.informed(HERE["phone1"])
    command = (sys.executable, "-m", "tests.gateway.talk")
    running = [streets.streets.spawn("phone1", *command, "download", ip) for ip in (WEB, WEB6)]
    stream = streets.streets.spawn("phone1", *command, "stream", WEB)
    assert streets.passes("phone1", WEB, 443)
    # nothing of ours runs from here on
    assert all(int(one.communicate(timeout=60)[0]) > 0 for one in [*running, stream]), (
        "they ran, and were cut"
    )
    assert streets.listed("everybody") == ""
    for ip in (WEB, WEB6):
        assert streets.refused("phone1", ip, 443)
    assert streets.fetch("phone1", WEB).body == f"I am {LAN}\n", "and the page of the portal is back"
    assert not streets.heard("afterwards")
    assert streets.talk("phone1", "dns", WEB, "noticias.test") == PORTAL


@pytest.mark.root
def test_it_ends_when_told_and_who_has_a_session_stays(emergency: Alley) -> None:
    emergency.admit("phone2")
    emergency.enforcer.open_to_all(0)
    for ip in (WEB, WEB6):
        assert emergency.refused("phone1", ip, 443)
        assert emergency.passes("phone2", ip, 443)


@pytest.mark.root
def test_plain_pages_show_the_notice_until_it_was_seen_and_all_else_passes(streets: Alley) -> None:
    streets.anew()
    streets.enforcer.open_to_all(600)
    streets.admit("phone2")
    for phone in PHONES:
        assert streets.fetch(phone, WEB).body == f"I am {LAN}\n", "also to who had tapped before"
        assert streets.refused(phone, WEB6), "a phone that asks in IPv6 first falls back to the notice"
        assert streets.passes(phone, WEB, 443)
        assert streets.passes(phone, WEB6, 443)
    streets.enforcer.informed(HERE["phone1"])
    assert streets.passes("phone1", WEB)
    assert streets.passes("phone1", WEB6)
    assert streets.fetch("phone2", WEB).body == f"I am {LAN}\n"


@pytest.mark.root
def test_another_emergency_is_news_and_the_same_made_longer_is_not(emergency: Alley) -> None:
    emergency.enforcer.open_to_all(900)
    assert emergency.passes("phone1", WEB), "longer"
    emergency.enforcer.start()
    assert emergency.passes("phone1", WEB), "a start of the program is not news either"
    emergency.enforcer.open_to_all(0)
    emergency.enforcer.open_to_all(600)
    assert emergency.fetch("phone1", WEB).body == f"I am {LAN}\n"


@pytest.mark.root
def test_a_session_is_counted_in_an_emergency_and_neither_cut_by_its_cap_nor_slowed_down(
    streets: Alley,
) -> None:
    streets.anew()
    streets.admit("phone1", octets=1000, rate=Rate(400, 400))
    streets.talk("phone1", "download", WEB)
    assert streets.enforcer.survey()["session-phone1"].used_up
    assert streets.refused("phone1", WEB, 443)
    before = streets.enforcer.survey()["session-phone1"].octets_down or 0
    streets.enforcer.open_to_all(600)
    streets.enforcer.informed(HERE["phone1"])
    for ip in (WEB, WEB6):
        assert int(streets.talk("phone1", "takes", ip)) > 4000
    after = streets.enforcer.survey()["session-phone1"].octets_down or 0
    assert after > before + 100_000, "what it takes is counted"
    streets.enforcer.open_to_all(0)
    assert streets.refused("phone1", WEB, 443), "what was used up stays so"


@pytest.mark.root
def test_rules_that_somebody_flushed_come_back_with_what_is_left_of_it(emergency: Alley) -> None:
    emergency.load("flush ruleset")
    emergency.enforcer.start()
    emergency.enforcer.informed(HERE["phone1"])
    assert emergency.passes("phone1", WEB)
    assert emergency.passes("phone1", WEB6), "so does the regime"
    emergency.enforcer.open_to_all(0)
    emergency.enforcer.start()
    assert emergency.refused("phone1", WEB, 443)


@pytest.mark.root
def test_an_address_that_is_not_of_the_guests_side_is_no_source_in_an_emergency_either(
    emergency: Alley,
) -> None:
    for sign in ("all", "default", "br-lan"):
        emergency.streets.inside("gateway", "sysctl", "-qw", f"net.ipv4.conf.{sign}.rp_filter=0")
    emergency.say("phone1", WEB, "i am somebody else", "192.0.2.66")
    assert not emergency.heard("i am somebody else")
    emergency.without("stamp", "ip saddr", "fib")
    emergency.say("phone1", WEB, "i am somebody else again", "192.0.2.66")
    assert emergency.heard("i am somebody else again"), "it is that rule which defends"


def test_the_ledger_notes_an_emergency_and_forgets_it_with_the_boot(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(tmp_path / "ledger.json", clock)
    ledger.start()
    ledger.govern(Regime(ipv6=True))
    ledger.open_to_all(60)
    ledger.informed(PHONE)
    before = (tmp_path / "ledger.json").read_text()
    assert '"everybody_until": 1060.0' in before
    assert f'"informed": {{"{PHONE.ip}": 87400.0}}' in before
    Ledger(tmp_path / "ledger.json", clock).start()
    assert (tmp_path / "ledger.json").read_text() == before
    clock.seconds += 61
    ledger.open_to_all(60)
    assert '"informed": {}' in (tmp_path / "ledger.json").read_text(), "another emergency is news"
    clock.reboot()
    Ledger(tmp_path / "ledger.json", clock).start()
    assert '"everybody_until": 0.0' in (tmp_path / "ledger.json").read_text()
