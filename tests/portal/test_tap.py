"""From the page to the gateway: what each address answers."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from captive_portal.carried import seal_session
from captive_portal.counts import PortalCounts
from captive_portal.gateway.ticket import Fields, seal
from captive_portal.pages import STYLE_HASH
from tests.gateway.town import wait_for
from tests.portal.conftest import CAPPED, GUACHOCHI, JUAREZ, World


def renewed(world: World, answer: TestResponse, **changed: str) -> TestResponse:
    """The gateway found the ticket of an answer too old and sent the phone back with a fresh arrival."""
    old = answer.headers["Location"].partition("g=")[2]
    query = {"a": world.token(stamp="9b1d:3.1", nonce="fresh"), "g": old} | changed
    return world.phone.get(f"/p/{GUACHOCHI}/renew?{urlencode(query)}")


def test_page_has_one_button_no_script_and_asks_for_nothing(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert "Toca el botón para entrar a Internet." in page.text
    assert "Plaza de Armas" in page.text
    assert "Guachochi" in page.text
    assert not re.search(r'<script|<img|<link|src=|style="|\son\w+=|<input(?! type="hidden")', page.text)
    assert "Set-Cookie" not in page.headers


def test_page_says_how_long_one_tap_lasts_and_how_much_it_gives(world: World) -> None:
    assert "Dura 1 hora." in world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}").text
    capped = world.phone.get(f"/p/{CAPPED}?a={world.token(CAPPED)}").text
    assert "Puedes usar hasta 500 MB." in capped


def test_page_says_what_is_not_asked(world: World) -> None:
    assert (
        "No pedimos tu nombre, ni tu correo, ni dinero."
        in world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}").text
    )


def test_page_in_english_keeps_the_arrival_and_links_back_to_spanish(world: World) -> None:
    token = world.token()
    page = world.phone.get(f"/p/{GUACHOCHI}?a={token}&lang=en")
    assert '<html lang="en">' in page.text
    assert "Tap the button to go online." in page.text
    assert re.search(rf'href="/p/{GUACHOCHI}\?v=[\w-]+&amp;lang=es"', page.text)
    assert '<input type="hidden" name="lang" value="en">' in page.text


def test_page_is_spanish_whatever_the_browser_prefers(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}", headers={"Accept-Language": "en-US,en"})
    assert '<html lang="es">' in page.text


def test_headers_of_the_page_are_these_and_no_others(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    assert dict(page.headers) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(page.data)),
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
        "form-action 'self' http://10.77.0.1:2060; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }


def test_page_without_its_site_lets_no_form_lead_anywhere(world: World) -> None:
    assert "form-action 'none'" in world.phone.get("/").headers["Content-Security-Policy"]


def test_page_is_small_and_smaller_when_compressed(world: World) -> None:
    address = f"/p/{GUACHOCHI}?a={world.token()}"
    plain = world.phone.get(address)
    packed = world.phone.get(address, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(plain.data) < 14_000
    assert len(packed.data) + sum(len(name) + len(value) + 4 for name, value in packed.headers) < 4_000


def test_tap_opens_a_session_and_sends_the_phone_on_with_a_ticket_for_its_gateway(world: World) -> None:
    answer = world.tap(lang="en")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("http://10.77.0.1:2060/grant?g=")
    ticket = world.ticket(answer)
    arrival = world.arrival()
    running = world.sessions.running(GUACHOCHI, str(ticket["session"]), world.clock())
    assert running is not None
    assert ticket == {
        "site": GUACHOCHI,
        "device": arrival.device,
        "binding": arrival.binding,
        "stamp": arrival.stamp,
        "nonce": "n" * 22,
        "session": running.session,
        "seconds": 3600,
        "octets": 0,
        "issued": int(world.clock().timestamp()),
        "lang": "en",
        "longer": 1,
        "status": seal_session(world.sites[GUACHOCHI], running.session),
    }


def test_double_tap_is_one_session(world: World) -> None:
    first = world.ticket(world.tap())
    world.clock.forward(seconds=2)
    second = world.ticket(world.tap())
    assert second["session"] == first["session"]
    assert second["seconds"] == 3598


def test_reload_after_the_tap_leads_back_to_the_page(world: World) -> None:
    answer = world.phone.get(f"/p/{GUACHOCHI}/enter")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/p/{GUACHOCHI}")


def test_phone_without_an_arrival_is_told_to_join_the_wifi_first(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}")
    assert page.status_code == 200
    assert "Primero conéctate al Wi-Fi" in page.text
    assert 'href="http://10.77.0.1:2060/"' in page.text
    assert "<button" not in page.text


def test_slow_reader_whose_ticket_was_too_old_gets_a_new_one_without_a_second_tap(world: World) -> None:
    answer = world.tap(lang="en")
    world.clock.forward(minutes=14)
    again = renewed(world, answer)
    assert again.status_code == 303
    ticket = world.ticket(again)
    assert ticket["session"] == world.ticket(answer)["session"]
    assert (ticket["stamp"], ticket["nonce"], ticket["lang"]) == ("9b1d:3.1", "fresh", "en")
    assert ticket["seconds"] == 46 * 60


def test_ticket_is_not_renewed_after_a_quarter_of_an_hour(world: World) -> None:
    answer = world.tap()
    world.clock.forward(minutes=15, seconds=1)
    late = renewed(world, answer)
    assert late.status_code == 403
    assert "No reconocimos tu teléfono." in late.text
    (one,) = world.sessions.portal_counts(int(world.clock().timestamp()) // 60 * 60, 2**40)
    assert (one.refusals, one.failures, one.reasons) == (0, 1, {"ticket-expired": 1})


def test_ticket_of_a_session_that_ended_is_not_renewed(world: World) -> None:
    answer = world.tap()
    world.sessions.ended(str(world.ticket(answer)["session"]), "user-request", world.clock())
    assert renewed(world, answer).status_code == 403
    (one,) = world.sessions.portal_counts(0, 2**40)
    assert (one.refusals, one.failures, one.reasons) == (1, 0, {"not-recognised": 1})


def test_ticket_of_another_phone_is_not_renewed(world: World) -> None:
    answer = world.tap()
    assert renewed(world, answer, a=world.token(mac="02:00:00:00:00:02")).status_code == 403


def test_arrival_does_not_pass_for_a_ticket(world: World) -> None:
    assert renewed(world, world.tap(), g=world.token()).status_code == 403


def test_page_after_says_how_long_and_how_to_leave(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}/online")
    assert page.status_code == 200
    assert "Tienes hasta 1 hora." in page.text
    assert '<form method="post" action="http://10.77.0.1:2060/leave">' in page.text
    assert "You are online" in world.phone.get(f"/p/{GUACHOCHI}/online?lang=en").text


def test_page_after_over_https_holds_no_form_to_a_gateway_without_tls(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}/online", base_url="https://localhost")
    assert "<form" not in page.text
    assert "Apaga el Wi-Fi cuando termines." in page.text


@pytest.mark.parametrize("damage", ["forged", "another site's", "cut", "empty", "its gateway's"])
def test_arrival_nobody_vouches_for_is_refused_kindly_and_opens_nothing(world: World, damage: str) -> None:
    token = world.sealed()
    token = {
        "forged": token[:-4] + "AAAA",
        "another site's": world.sealed(JUAREZ),
        "cut": token[: len(token) // 2],
        "empty": "",
        "its gateway's": world.token(),
    }[damage]
    answer = world.phone.post(f"/p/{GUACHOCHI}/enter", data={"v": token})
    assert answer.status_code == 403
    assert "No reconocimos tu teléfono." in answer.text
    assert 'href="http://10.77.0.1:2060/"' in answer.text
    assert world.sessions.slot_counts(0, 2**40) == []


def test_arrival_signed_with_our_key_for_another_site_is_refused(world: World) -> None:
    fields: Fields = {"site": JUAREZ, "device": "d", "binding": "b", "stamp": "s", "nonce": "n"}
    token = seal(world.sites[GUACHOCHI].wiring.key, "arrival", fields)
    assert world.phone.get(f"/p/{GUACHOCHI}?a={token}").status_code == 403


def test_closed_site_says_so_on_the_page_and_on_the_tap(world: World) -> None:
    world.closed.add(GUACHOCHI)
    for answer in (world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}"), world.told(world.tap())):
        assert answer.status_code == 403
        assert "Ahora está cerrado" in answer.text
        assert "Regresa más tarde" in answer.text


def test_refusal_in_english_can_be_read_in_spanish(world: World) -> None:
    world.closed.add(GUACHOCHI)
    answer = world.told(world.tap(lang="en"))
    assert "It is closed now" in answer.text
    links = re.findall(f'href="(/p/{GUACHOCHI}[?]v=[^"]*lang=es)"', answer.text)
    assert "Ahora está cerrado" in world.phone.get(unescape(links[0])).text


@pytest.mark.parametrize("why", ["not-recognised", "none", "<b>", ""])
def test_an_address_that_gives_another_reason_shows_the_page_with_the_button(world: World, why: str) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}", query_string={"v": world.sealed(), "why": why})
    assert page.status_code == 200
    assert "Entrar a Internet" in page.text
    assert "why" not in page.text


def test_a_reason_alone_says_nothing_to_a_phone_that_did_not_arrive(world: World) -> None:
    assert "Ahora está cerrado" not in world.phone.get(f"/p/{GUACHOCHI}?why=site-closed").text


def test_a_page_that_is_seen_again_in_another_language_is_no_second_arrival(world: World) -> None:
    first = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    english = re.search(f'href="(/p/{GUACHOCHI}[?][^"]*lang=en)"', first.text)
    assert english is not None
    assert world.phone.get(unescape(english[1])).status_code == 200
    wait_for(lambda: world.sessions.portal_counts(0, 2**40), "what is gathered")
    assert sum(one.arrivals for one in world.sessions.portal_counts(0, 2**40)) == 1


def test_unknown_site_is_a_kind_page_in_spanish(world: World) -> None:
    page = world.phone.get("/p/08999-plaza?a=x", headers={"Accept-Language": "en"})
    assert page.status_code == 404
    assert "Esta página no existe" in page.text


def test_bare_address_helps(world: World) -> None:
    page = world.phone.get("/")
    assert page.status_code == 200
    assert "Primero conéctate al Wi-Fi" in page.text
    assert "First connect to the Wi-Fi" in world.phone.get("/?lang=en").text


def test_health_is_answered(world: World) -> None:
    assert world.phone.get("/healthz").text == "ok\n"


def test_portal_counts_pages_grants_and_refusals_per_site(world: World) -> None:
    world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}&lang=en")
    world.tap()
    world.tap(v="forged")
    slot = int(world.clock().timestamp()) // 60 * 60

    def counted() -> list[PortalCounts]:
        return [row for row in world.sessions.portal_counts(slot, slot + 60) if row.arrivals]

    (row,) = wait_for(counted, "the first pages, which are counted together")
    assert (row.site, row.arrivals, row.grants, row.refusals) == (GUACHOCHI, 2, 1, 1)
    assert world.sessions.portal_counts(slot + 60, slot + 120) == []
