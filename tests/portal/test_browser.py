"""The way in with a real Chromium, JavaScript off: by finger, by keyboard, in another language and mode."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.portal.square import Square, open_square


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    with open_square(tmp_path_factory.mktemp("square")) as opened:
        yield opened


@pytest.fixture
def telephone(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 360, "height": 640}, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_one_tap_leads_through_the_gateway_to_the_page_after_without_javascript(
    square: Square, telephone: Any
) -> None:
    telephone.goto(square.page())
    telephone.get_by_role("button", name="Entrar a Internet").click()
    telephone.wait_for_url("**/online?lang=es")
    assert telephone.locator("h1").inner_text() == "Ya tienes Internet"
    assert len(square.gateway_heard) >= 1
    telephone.get_by_role("button", name="Salir de Internet").click()
    telephone.wait_for_url("**/leave")
    assert square.gateway_heard[-1] == "leave"


def test_keyboard_alone_reaches_the_button(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    for _ in ("English", "larger text", "more contrast", "the button"):
        telephone.keyboard.press("Tab")
    assert telephone.locator("button:focus-visible").count() == 1
    telephone.keyboard.press("Enter")
    telephone.wait_for_url("**/online?lang=es")


def test_switching_the_language_keeps_the_way_in(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    telephone.get_by_role("link", name="English").click()
    telephone.get_by_role("button", name="Go online").click()
    telephone.wait_for_url("**/online**")


def test_modes_are_switched_on_and_off_and_kept_through_language_and_tap(
    square: Square, telephone: Any
) -> None:
    telephone.goto(square.page())
    usual = size_of_text(telephone)
    telephone.get_by_role("link", name="Letra más grande").click()
    telephone.get_by_role("link", name="Más contraste").click()
    telephone.get_by_role("link", name="English").click()
    assert size_of_text(telephone) == 1.5 * usual
    assert telephone.locator("html").get_attribute("class") == "big bold"
    telephone.get_by_role("link", name="Usual text").click()
    telephone.get_by_role("link", name="Usual contrast").click()
    assert size_of_text(telephone) == usual
    assert telephone.locator("html").get_attribute("class") is None
    telephone.get_by_role("button", name="Go online").click()
    telephone.wait_for_url("**/online**")


def size_of_text(page: Any) -> float:
    """In pixels. The locator waits for a body: a page that has only begun to arrive has none."""
    return float(page.locator("body").evaluate("body => parseFloat(getComputedStyle(body).fontSize)"))


def test_page_is_one_request_without_cookie_script_or_complaint(square: Square, telephone: Any) -> None:
    asked: list[str] = []
    said: list[str] = []
    telephone.on("request", lambda request: asked.append(request.url))
    telephone.on("console", lambda message: said.append(message.text))
    telephone.goto(square.page(), wait_until="networkidle")
    assert asked == [square.page()]
    assert said == []
    assert telephone.context.cookies() == []
    assert telephone.locator("script").count() == 0
    assert telephone.get_by_role("button").count() == 1


def test_page_is_read_in_the_right_order(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    heard = telephone.locator("body").aria_snapshot()
    order = [
        "Plaza de Armas",
        "English",
        "Letra más grande",
        "Más contraste",
        "Internet gratis",
        "Toca el botón",
        "Entrar a Internet",
        "No pedimos",
    ]
    places = [heard.index(words) for words in order]
    assert places == sorted(places)
    assert "img" not in heard
