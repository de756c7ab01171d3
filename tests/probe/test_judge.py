"""What a phone makes of an answer, and how findings add up."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.probe import judge, press
from drivers.probe.errors import Failed, Untried
from drivers.probe.fetch import Answer, split
from drivers.probe.report import ENTERING, NEEDED, OPTIONAL, Finding, Step, Went, decisive, plain, works

ASKED = "http://connectivitycheck.gstatic.com/generate_204"
PAGE = "http://portal.test/p"
URL = "https://portal.test/capport"
CAPTIVE = {"captive": True, "user-portal-url": "https://portal.test/p?a=signed"}


def answer(status: int, body: bytes = b"", url: str = PAGE, **headers: str) -> Answer:
    return Answer(url, status, {name.replace("_", "-"): value for name, value in headers.items()}, body, 1.0)


def told(body: Any, kind: str = judge.API_TYPE) -> Answer:
    return answer(200, json.dumps(body).encode(), URL, content_type=kind)


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_redirect_that_is_not_for_ever_leads_to_the_portal(status: int) -> None:
    assert judge.redirect(answer(status, location="https://portal.test/p?a=1")) == "https://portal.test/p?a=1"


@pytest.mark.parametrize(
    ("status", "location", "said"),
    [
        (200, "", "200 with a page instead of a redirect"),
        (204, "", "204: the internet is open to everybody"),
        (301, PAGE, "301: a phone remembers this redirect for ever"),
        (308, PAGE, "308: a phone remembers this redirect for ever"),
        (502, "", "502 instead of a redirect"),
        (511, "", "511 instead of a redirect"),
        (302, "", "302 without saying where the portal is"),
        (302, "/p", "/p is no whole http or https address"),
        (302, "javascript:alert(1)", "javascript:alert(1) is no whole"),
        (302, "http://[1", "http://[1 is no whole"),
        (302, "http://portal.test:99999/", "http://portal.test:99999/ is no whole"),
    ],
)
def test_anything_else_is_told_for_what_it_is(status: int, location: str, said: str) -> None:
    with pytest.raises(Failed) as caught:
        judge.redirect(answer(status, url=ASKED, location=location))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (answer(500, b"broken"), f"{PAGE} answers 500$"),
        (answer(503, b"<h1>No hay Internet</h1>"), f"{PAGE} answers 503, “No hay Internet”$"),
        (answer(200), f"{PAGE} answers 200 with nothing in it"),
        (answer(200, b"<p>Hola</p>"), f"{PAGE} shows 11 octets without anything to tap"),
    ],
)
def test_a_portal_that_is_of_no_use(seen: Answer, said: str) -> None:
    with pytest.raises(Failed, match=said):
        judge.page(seen)


def test_a_portal_has_something_to_tap() -> None:
    assert "a form" in judge.page(answer(200, b"<FORM action=/enter>"))
    assert "a link" in judge.page(answer(200, b'<a href="/enter">Entrar</a>'))


def test_the_way_to_the_page_may_lead_on_by_a_relative_address() -> None:
    assert judge.onward(answer(303, location="/es?a=1")) == "http://portal.test/es?a=1"
    assert judge.onward(answer(200)) == ""


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (answer(404, url=URL), "answers 404"),
        (told(CAPTIVE, "text/html"), "answers something else than"),
        (answer(200, b"{", URL, content_type=judge.API_TYPE), "answers with broken JSON"),
        (told({**CAPTIVE, "captive": False}), "says captive: false"),
        (told([]), "says captive: null"),
        (told({"captive": True}), "does not say where the portal is"),
        (told({**CAPTIVE, "user-portal-url": "portal"}), "portal is no whole"),
    ],
)
def test_an_api_that_says_something_wrong(seen: Answer, said: str) -> None:
    with pytest.raises(Failed, match=said):
        judge.api(seen)


def test_what_is_between_the_phone_and_the_portal_is_not_shown() -> None:
    assert judge.api(told(CAPTIVE)) == "captive, portal at https://portal.test/p"
    assert "signed" not in judge.page(answer(200, b"<form>", f"{PAGE}?a=signed#signed"))


@given(st.text())
def test_whatever_a_stranger_sends_as_an_address_is_taken_or_refused(text: str) -> None:
    with suppress(Failed):
        assert split(text).hostname


NUMBER = st.none() | st.floats(0, 1e9)


@given(st.builds(Finding, st.sampled_from(Step), st.sampled_from(Went), st.text(), NUMBER, NUMBER, NUMBER))
def test_a_finding_crosses_as_one_line_and_moves_no_cursor(finding: Finding) -> None:
    line = finding.line()
    assert "\n" not in line
    read = Finding.read(line)
    assert (read.step, read.went, read.took_ms) == (finding.step, finding.went, finding.took_ms)
    assert (read.rtt_ms, read.down_bps) == (finding.rtt_ms, finding.down_bps)
    assert read.said == plain(finding.said)
    assert read.said.isprintable()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        '{"step": "dhcp", "went": "so-so"}',
        '{"step": "http", "went": "worked", "said": "", "down_bps": NaN}',
        '{"step": "http", "went": "worked", "said": "", "rtt_ms": "7"}',
    ],
)
def test_a_line_that_is_no_finding_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever json says
        Finding.read(line)


FOUND = st.dictionaries(st.sampled_from(Step), st.sampled_from(Went))


@given(FOUND)
def test_a_site_works_when_every_needed_step_did_and_unknown_is_never_good(found: dict[Step, Went]) -> None:
    verdict = works([Finding(step, went, "") for step, went in found.items()])
    needed = NEEDED | ENTERING if found.keys() & ENTERING else NEEDED
    if Went.FAILED in found.values():
        assert verdict is False
    elif all(found.get(step) is Went.WORKED for step in needed):
        assert verdict is True
    else:
        assert verdict is None


def test_the_step_to_speak_of_is_the_one_that_failed() -> None:
    worked = [Finding(step, Went.WORKED, "") for step in Step if step in NEEDED]
    (api,) = OPTIONAL
    assert decisive([*worked, failed := Finding(api, Went.FAILED, "")]) == failed
    assert decisive([untried := Finding(Step.DHCP, Went.UNTRIED, "")]) == untried
    last = Finding(api, Went.UNTRIED, "")
    assert decisive([*worked, last]) == last
    entered = [*worked, last, Finding(Step.GRANT, Went.WORKED, "")]
    assert decisive([*entered, shut := Finding(Step.HTTP, Went.UNTRIED, "")]) == shut


# The button


def page(html: str) -> Answer:
    return answer(200, html.encode(), "http://portal.test/p/plaza?a=signed")


def test_the_button_sends_what_a_phone_would_send_and_no_more() -> None:
    pressed = press.button(
        page("""<form action="enter?lang=es" method=post>
        <input type=hidden name=v value="a&amp;b ñ"><input name=mail type=email>
        <input type=checkbox name=terms required><input type=checkbox name=news>
        <textarea name=note></textarea>
        <button name=how value=free>Entrar</button><button name=how value=paid>Pagar</button></form>""")
    )
    assert pressed.url == "http://portal.test/p/enter?lang=es"
    assert pressed.form == "v=a%26b+%C3%B1&mail=&terms=on&note=&how=free"


def test_a_form_that_asks_with_get_puts_its_fields_into_the_address() -> None:
    pressed = press.button(page("<form action=/go?x=1#here><input type=hidden name=v value=1></form>"))
    assert (pressed.url, pressed.form) == ("http://portal.test/go?v=1", None)


def test_the_button_that_leads_out_is_pressed_at_the_end_only() -> None:
    out = page("<form method=post action=/p/plaza/leave><button>Salir</button></form>")
    assert press.carries_on(out) is None
    assert [one.url for one in press.ways_out(out)] == ["http://portal.test/p/plaza/leave"]
    longer = page("<form method=post action=/p/plaza/extend><button>Seguir</button></form>")
    assert press.carries_on(longer) is None
    assert list(press.ways_out(longer)) == []


def test_without_a_form_the_first_link_of_the_main_part_is_followed() -> None:
    html = "<a href=/en>English</a><main><a href=#top>x</a><a href=tel:066>y</a><a href=/in>Entrar</a></main>"
    assert press.button(page(html)).url == "http://portal.test/in"
    assert press.button(page("<a href=/in>Entrar</a>")).url == "http://portal.test/in"


def test_what_has_to_be_typed_cannot_be_tried_and_a_page_for_scripts_alone_fails() -> None:
    with pytest.raises(Untried, match="wants something typed"):
        press.button(page("<form action=/in><input name=code required></form>"))
    with pytest.raises(Failed, match="has no button that works without a script"):
        press.button(page("<button onclick=go()>Entrar</button>"))


def test_who_is_not_let_in_is_told_in_the_portals_words() -> None:
    judge.entered(answer(200))
    with pytest.raises(Failed, match=f"not let in: 403 {PAGE}, “Este lugar está lleno”"):
        judge.entered(answer(403, "<h1>Este <b>lugar</b>\nestá lleno</h1><h1>x</h1>".encode()))
    with pytest.raises(Failed, match=f"^not let in: 502 {PAGE}$"):
        judge.entered(answer(502))


def test_what_answers_after_the_tap_is_the_internet_or_something_between() -> None:
    assert judge.outside(answer(204, url=ASKED)) == f"online, 204 {ASKED}"
    assert judge.outside(answer(200, b"<p>", url="http://a.test/page")) == "online, 200 http://a.test/page"
    with pytest.raises(Failed, match="something between answers in the Internet's place"):
        judge.outside(answer(200, b"<p>", url=ASKED))


@given(st.binary(max_size=300) | st.text(alphabet="<>=/\"' aformhreftypinuc", max_size=80).map(str.encode))
def test_whatever_stands_on_a_page_is_pressed_or_refused(octets: bytes) -> None:
    with suppress(Failed, Untried):
        assert split(press.button(answer(200, octets)).url).hostname
