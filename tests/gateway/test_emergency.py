"""An emergency: everybody passes, each phone is shown the notice once, and it ends by itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Emergency
from captive_portal.gateway.rounds import Rounds
from tests.gateway.box import MAC
from tests.gateway.front import PORTAL, SECURE, Front, fronting
from tests.gateway.ruled import NOW, blocking, sealed

NOTICE = Emergency(NOW + 7200, "Evacúen la zona del río.\nHay albergue.", "Leave the river side.")
HELD = sealed(1, emergency=NOTICE)
PROBE = ("/generate_204", "connectivitycheck.gstatic.com")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with fronting(tmp_path, HELD) as made:
        made.box.borrowed.told(NOW)
        yield made


def recorded(front: Front) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((front.box.directory / "ledger.json").read_text())
    return found


def test_the_first_question_of_each_phone_lands_at_the_notice_and_reading_it_is_enough(front: Front) -> None:
    front.ask("/generate_204", "HEAD", host=PROBE[1])
    probe = front.ask(PROBE[0], host=PROBE[1])
    assert (probe.status, probe.location, probe.body) == (302, f"{front.own}/emergency", "")
    front.ask("/emergency", "HEAD")
    assert recorded(front)["informed"] == {}, "what shows no page has informed nobody"
    page = front.ask("/emergency")
    assert page.status == 200
    for text in ("Aviso de Protección Civil", "<p>Evacúen la zona del río.</p><p>Hay albergue.</p>"):
        assert text in page.body
    assert "Leave the river side." in page.body
    assert list(recorded(front)["informed"]) == ["127.9.1.1"]


def test_it_needs_neither_the_portal_nor_a_tap_and_a_blocked_phone_passes_too(front: Front) -> None:
    phone = front.box.phone()
    front.box.ruling.take(sealed(2, emergency=NOTICE, blocked=(blocking(phone),)), NOW)
    front.cut(internet=False)
    assert recorded(front)["everybody_until"] > front.box.clock.seconds
    assert front.box.keeper.barred(phone) is None
    assert front.ask("/").location == f"{front.own}/emergency"
    assert front.ask("/emergency").status == 200
    front.mend()
    front.box.ruling.take(sealed(3, blocked=(blocking(phone),)), NOW)
    assert recorded(front)["everybody_until"] <= front.box.clock.seconds, "taken back by the controller"
    assert front.ask("/").location == f"{front.own}/blocked"


def test_who_got_in_meanwhile_though_blocked_is_out_when_it_is_over(front: Front) -> None:
    phone = front.box.phone()
    front.box.ruling.take(sealed(2, emergency=NOTICE, blocked=(blocking(phone),)), NOW)
    front.box.enter(seconds=10_000)
    assert front.box.keeper.seconds_left(phone) is not None
    front.box.clock.seconds += 7200
    rounds = Rounds(front.box.keeper, front.box.ruling, front.box.borrowed, front.box.clock, list)
    rounds.step()
    assert front.box.keeper.seconds_left(phone) is None
    assert front.box.journal.pending(9)[-1].cause == "Admin-Reset"


def test_rfc_8908_says_that_nobody_is_captive_and_where_the_notice_is(front: Front) -> None:
    state = json.loads(front.ask_api("/capport").body)
    assert (state["captive"], state["user-portal-url"]) == (False, f"{SECURE}/emergency")
    assert 0 < state["seconds-remaining"] <= 7200
    assert front.ask_api("/emergency").status == 200
    assert list(recorded(front)["informed"]) == ["127.9.1.1"]


def test_it_ends_by_itself_by_the_controllers_time_and_the_kernels(front: Front) -> None:
    until = recorded(front)["everybody_until"]
    assert abs(until - front.box.clock.seconds - 7200) <= 2
    front.box.clock.seconds += 7201
    front.box.ruling.step()
    assert front.ask(PROBE[0], host=PROBE[1]).location.startswith(f"{PORTAL}?a=")
    assert json.loads(front.ask_api("/capport").body)["captive"] is True


def test_after_a_power_cut_it_holds_again_for_what_was_left(tmp_path: Path) -> None:
    with fronting(tmp_path, HELD) as front:
        front.box.ruling.take(sealed(2, emergency=NOTICE), NOW)
        front.box.clock.seconds += 3600
        front.box.borrowed.keep()
        clock = front.box.clock
    clock.reboot()
    with fronting(tmp_path, HELD, clock) as front:
        assert 3590 <= front.box.ruling.emergency_left <= 3600
        assert front.ask("/").location == f"{front.own}/emergency"
        assert recorded(front)["everybody_until"] > front.box.clock.seconds


def test_the_technician_is_told_of_it(front: Front) -> None:
    front.box.seen = [Phone(MAC, "127.9.1.1")]
    assert front.box.ask("status")["emergency_s"] > 7000
    assert "An emergency holds for 1 h 59 min more: everybody passes" in front.box.why()
    assert "tap again" not in front.box.why()


def test_a_browser_without_javascript_shows_the_notice(front: Front, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 320, "height": 568})
    try:
        page = context.new_page()
        page.goto(f"{front.own}/generate_204")
        assert page.url == f"{front.own}/emergency"
        assert page.locator("section[lang=en]").inner_text().count("Leave the river side.") == 1
    finally:
        context.close()
