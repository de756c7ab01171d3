"""What a phone makes of an answer, and how findings add up."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.probe import judge
from drivers.probe.errors import Failed
from drivers.probe.fetch import Answer, split
from drivers.probe.report import NEEDED, OPTIONAL, Finding, Step, Went, decisive, plain, works

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
        (answer(500, b"broken"), f"{PAGE} answers 500"),
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


@given(
    st.builds(Finding, st.sampled_from(Step), st.sampled_from(Went), st.text(), st.none() | st.floats(0, 1e6))
)
def test_a_finding_crosses_as_one_line_and_moves_no_cursor(finding: Finding) -> None:
    line = finding.line()
    assert "\n" not in line
    read = Finding.read(line)
    assert (read.step, read.went, read.took_ms) == (finding.step, finding.went, finding.took_ms)
    assert read.said == plain(finding.said)
    assert read.said.isprintable()


@pytest.mark.parametrize("line", ["", "{}", "[]", "nonsense", '{"step": "dhcp", "went": "so-so"}'])
def test_a_line_that_is_no_finding_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever json says
        Finding.read(line)


FOUND = st.dictionaries(st.sampled_from(Step), st.sampled_from(Went))


@given(FOUND)
def test_a_site_works_when_every_needed_step_did_and_unknown_is_never_good(found: dict[Step, Went]) -> None:
    verdict = works([Finding(step, went, "") for step, went in found.items()])
    if Went.FAILED in found.values():
        assert verdict is False
    elif all(found.get(step) is Went.WORKED for step in NEEDED):
        assert verdict is True
    else:
        assert verdict is None


def test_the_step_to_speak_of_is_the_one_that_failed() -> None:
    worked = [Finding(step, Went.WORKED, "") for step in Step if step in NEEDED]
    (api,) = OPTIONAL
    assert decisive([*worked, failed := Finding(api, Went.FAILED, "")]) == failed
    assert decisive([untried := Finding(Step.DHCP, Went.UNTRIED, "")]) == untried
    assert decisive([*worked, last := Finding(api, Went.UNTRIED, "")]) == last
