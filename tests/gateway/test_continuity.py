"""The portal is out of reach and the Internet is not: one tap at the gateway itself, or an honest page."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captive_portal.gateway.admission import Admit, Reason, Refuse, Renew, SiteKey
from captive_portal.gateway.backhaul import reach_any
from captive_portal.gateway.continuing import FRESH_S, decide
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.policy import Away, Terms
from captive_portal.gateway.shaping import Rate
from tests.gateway.box import Box
from tests.gateway.conftest import KEY, SITE, Clock
from tests.gateway.front import PORTAL, SECURE, Front, fronting
from tests.gateway.ruled import NOW, blocking, sealed
from tests.gateway.test_resume import House

TERMS = Terms(1800, 5000, 2000, 500)
OPEN = sealed(1, when_controller_away=Away.OPEN, away=TERMS)
CLOSED = sealed(1)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with fronting(tmp_path, OPEN) as made:
        yield made


def button(front: Front, last: int = 1) -> str:
    """Where the button of the page leads."""
    page = front.ask("/away", last=last)
    assert page.status == 200
    (form,) = re.findall(r'<form method="post" action="([^"]+)">', page.body)
    return str(form)


def press(front: Front, last: int = 1) -> None:
    answer = front.ask(button(front, last), "POST", last=last)
    assert (answer.status, answer.location) == (303, "/away")


def told(front: Front) -> list[tuple[str, int | None]]:
    return [(one.kind, one.seconds) for one in front.box.journal.pending(20)]


def test_who_comes_is_sent_to_our_page_and_gets_in_by_its_button(front: Front) -> None:
    assert front.ask("/generate_204", host="connectivitycheck.gstatic.com").location.startswith(PORTAL)
    front.cut(internet=True)
    probe = front.ask("/generate_204", host="connectivitycheck.gstatic.com")
    assert (probe.status, probe.location, probe.body) == (302, f"{front.own}/away", "")
    page = front.ask("/away").body
    assert "Toca el botón y úsalo 30 minutos." in page
    assert "use it for 30 minutes." in page
    press(front)
    (device,) = front.box.keeper.devices()
    assert device.session.startswith("away-")
    assert (device.seconds_left, device.octets_max, device.rate) == (1800, 5000, Rate(2000, 500))
    assert told(front) == [("continued", 1800)]
    assert "Ya tienes Internet" in front.ask("/away").body


def test_when_the_portal_is_back_all_is_as_usual_and_that_session_goes_on(front: Front) -> None:
    front.cut(internet=True)
    press(front)
    unused = button(front, 2)
    front.mend()
    assert front.ask("/", last=2).location.startswith(f"{PORTAL}?a=")
    assert front.ask(unused, "POST", last=2).location.startswith(f"{PORTAL}?a="), "its button is over"
    assert front.box.keeper.seconds_left(front.box.phone(2)) is None
    assert front.box.keeper.seconds_left(front.box.phone(1)) == 1800


def test_closed_lets_nobody_new_in_and_says_so(tmp_path: Path) -> None:
    with fronting(tmp_path, CLOSED) as front:
        front.box.enter(2)
        front.cut(internet=True)
        page = front.ask("/away")
        assert page.status == 503
        assert "Quien ya tiene Internet lo sigue teniendo." in page.body
        assert "<form" not in page.body
        token = front.box.keeper.invitation(front.box.phone())
        assert front.ask(f"/continue?v={token}", "POST").location == f"{front.own}/away"
        assert front.box.keeper.seconds_left(front.box.phone()) is None
        assert front.box.keeper.seconds_left(front.box.phone(2)) is not None


def test_without_the_internet_the_page_says_that_there_is_none(front: Front) -> None:
    front.cut(internet=False)
    assert front.ask("/").location == f"{front.own}/offline"
    token = front.box.keeper.invitation(front.box.phone())
    assert front.ask(f"/continue?v={token}", "POST").location == f"{front.own}/offline"
    assert front.box.keeper.devices() == []


def test_the_button_is_this_phones_and_works_once(front: Front) -> None:
    front.cut(internet=True)
    mine = button(front, 1)
    front.ask(mine, "POST", last=2)
    assert front.box.keeper.devices() == [], "another phone's page cannot press it"
    for forged in ("/continue", "/continue?v=", "/continue?v=abc.def", mine[:-1]):
        front.ask(forged, "POST")
    front.ask(mine, "GET")
    assert front.box.keeper.devices() == [], "nor can a link, nor who has no token"
    front.ask(mine, "POST")
    assert len(front.box.keeper.devices()) == 1
    front.ask("/leave", "POST")
    front.ask(mine, "POST")
    assert front.box.keeper.devices() == []


def test_a_button_that_was_pressed_is_spent_though_its_session_is_over(front: Front) -> None:
    phone, keeper = front.box.phone(), front.box.keeper
    token = keeper.invitation(phone)
    assert isinstance(keeper.carry_on(phone, token, Terms(10)), Admit)
    front.box.clock.seconds += 20
    keeper.reconcile()
    assert keeper.carry_on(phone, token, TERMS) == Refuse(Reason.SPENT)
    memory = Ledger(front.box.directory / "ledger.json", front.box.clock)
    memory.start()
    site = SiteKey(SITE, KEY)
    assert decide(site, token, phone, front.box.clock.now(), memory) == Refuse(Reason.SPENT)


def test_a_ticket_or_an_arrival_is_no_button(front: Front) -> None:
    front.cut(internet=True)
    phone = front.box.phone()
    for token in (front.box.portal.ticket(front.box.keeper.arrival(phone)), front.box.keeper.arrival(phone)):
        assert front.box.keeper.carry_on(phone, token, TERMS) == Refuse(Reason.INVALID)
    assert front.box.keeper.present(phone, front.box.keeper.invitation(phone)) == Refuse(Reason.INVALID)


@pytest.mark.parametrize(("age_s", "works"), [(FRESH_S - 1, True), (FRESH_S + 1, False)])
def test_a_page_that_lay_open_for_long_is_shown_anew(front: Front, age_s: int, works: bool) -> None:
    phone = front.box.phone()
    token = front.box.keeper.invitation(phone)
    front.box.clock.seconds += age_s
    decision = front.box.keeper.carry_on(phone, token, TERMS)
    assert isinstance(decision, Admit if works else Renew)


def test_the_same_phone_gets_no_second_one_before_the_first_is_over(front: Front) -> None:
    front.cut(internet=True)
    press(front)
    front.ask("/leave", "POST")
    front.box.clock.seconds += 1700
    page = front.ask("/away")
    assert (page.status, "<form" in page.body) == (503, False)
    assert "Ya usaste tu tiempo por ahora" in page.body
    front.box.stop.set()
    again = Box(front.box.directory, front.box.clock, first=OPEN)
    assert again.keeper.invitation(again.phone()) == "", "also not after a restart"
    again.stop.set()
    front.box.clock.seconds += 99
    press(front)
    assert front.box.keeper.seconds_left(front.box.phone()) == 1800


def test_a_phone_whose_address_changed_gets_the_rest_of_its_first(front: Front) -> None:
    phone = front.box.phone()
    keeper = front.box.keeper
    assert isinstance(keeper.carry_on(phone, keeper.invitation(phone), TERMS), Admit)
    front.box.clock.seconds += 600
    moved = type(phone)(phone.mac, "127.9.1.77")
    decision = keeper.carry_on(moved, keeper.invitation(moved), TERMS)
    assert isinstance(decision, Admit)
    assert (decision.seconds, decision.octets) == (1200, 5000)
    assert (keeper.seconds_left(moved), keeper.seconds_left(phone)) == (1200, None)
    assert told(front) == [("continued", 1800)], "it is one session"


def test_who_is_blocked_is_not_let_in_by_it(front: Front) -> None:
    front.cut(internet=True)
    mine = button(front)
    block = blocking(front.box.phone())
    front.box.ruling.take(sealed(2, when_controller_away=Away.OPEN, blocked=(block,)), NOW)
    front.ask(mine, "POST")
    assert front.box.keeper.devices() == []
    assert front.ask("/").location == f"{front.own}/blocked"
    phone = front.box.phone()
    token = front.box.keeper.invitation(phone)
    assert front.box.keeper.carry_on(phone, token, TERMS) == Refuse(Reason.BLOCKED)


def test_an_rfc_8908_phone_is_told_of_the_page_over_tls(front: Front) -> None:
    front.cut(internet=True)
    state = json.loads(front.ask_api("/capport").body)
    assert (state["captive"], state["user-portal-url"]) == (True, f"{SECURE}/away")
    page = front.ask_api("/away").body
    (form,) = re.findall(r'action="([^"]+)"', page)
    assert front.ask_api(form, "POST").location == "/away"
    assert json.loads(front.ask_api("/capport").body)["captive"] is False
    assert front.ask_api("/other").status == 404


@pytest.mark.parametrize(("where", "sessions"), [("before the kernel", 0), ("before the note", 1)])
def test_a_kill_while_the_button_is_pressed_leaves_one_session_or_none(
    tmp_path: Path, clock: Clock, where: str, sessions: int
) -> None:
    def made() -> Ledger:
        return Ledger(tmp_path / "ledger.json", clock)

    house = House(tmp_path, clock, made)
    clock.seconds += 1
    phone = house.keeper.neighbour("127.9.1.1")
    assert phone is not None
    token = house.keeper.invitation(phone)
    house.journal.close()
    pid = os.fork()
    if not pid:
        try:
            House(tmp_path, clock, made, where).keeper.carry_on(phone, token, TERMS)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    after = House(tmp_path, clock, made)
    assert len(after.keeper.devices()) == sessions
    decision = after.keeper.carry_on(phone, token, TERMS)
    assert isinstance(decision, Refuse if sessions else Admit)
    assert [event.kind for event in after.journal.pending(9)] == ["continued"]
    assert len(after.keeper.devices()) == 1
    after.journal.close()


def test_the_internet_is_there_when_one_resolver_answers_and_without_any_when_the_edge_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as edge:
        url = f"http://127.0.0.1:{edge.getsockname()[1]}"
        reach_any((), url)
        with pytest.raises(OSError, match="refused"):
            reach_any(("127.9.9.1", "127.9.9.2"), url)


def test_a_browser_without_javascript_gets_in_with_one_press(front: Front, chromium: Any) -> None:
    front.cut(internet=True)
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 320, "height": 568})
    try:
        page = context.new_page()
        page.goto(f"{front.own}/generate_204")
        assert page.url == f"{front.own}/away"
        assert page.get_by_role("button").count() == 1
        page.get_by_role("button").click()
        page.wait_for_load_state()
        assert "Ya tienes Internet" in page.content()
        page.reload()
        assert context.cookies() == []
    finally:
        context.close()
    assert [one.kind for one in front.box.journal.pending(9)] == ["continued"]
