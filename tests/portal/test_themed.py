"""A municipality's colours and slogan on its pages, and nothing of them on its neutral days."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from captive_portal.local import Local, Neutral, Theme
from captive_portal.pages import STYLE_HASH
from captive_portal.themes import css
from tests.portal.conftest import GUACHOCHI, JUAREZ, World
from tests.portal.square import Square, open_square
from tests.portal.test_readable import examine

THEME = Theme(sky="#5a0f2e", on_sky="#fff3e0", tap="#5a0f2e", on_tap="#ffffff", slogan="Avanza <contigo>")
ELECTIONS = Neutral(date(2027, 4, 4), date(2027, 6, 6))
SLOGAN = "Avanza &lt;contigo&gt;"
PAGES = ("", "/help", "/notice", "/notice-full", "/services", "/online")


@pytest.fixture
def themed(world: World) -> World:
    """A world whose first site has a theme, and elections."""
    dress(world, Local(theme=THEME, neutral=(ELECTIONS,)))
    return world


def dress(world: World, local: Local) -> None:
    world.sites[GUACHOCHI] = replace(world.sites[GUACHOCHI], local=local)


def styles(page: str) -> list[str]:
    return re.findall(r"<style>(.*?)</style>", page, re.DOTALL)


def hashed(style: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() + "'"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_site_has_the_colours_and_csp_names_each_style(themed: World, page: str) -> None:
    answer = themed.phone.get(f"/p/{GUACHOCHI}{page}")
    ours, colours = styles(answer.text)
    assert colours == css(THEME)
    assert f"style-src {hashed(ours)} {hashed(colours)};" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_site_has_the_slogan_in_its_head_and_no_markup_of_it(
    themed: World, page: str
) -> None:
    head = themed.phone.get(f"/p/{GUACHOCHI}{page}").text.partition("</header>")[0]
    assert head.count(SLOGAN) == 1


def test_another_site_and_the_bare_address_have_none_of_it(themed: World) -> None:
    for address in (f"/p/{JUAREZ}", "/", "/p/none"):
        answer = themed.phone.get(address)
        assert len(styles(answer.text)) == 1
        assert "Avanza" not in answer.text
        assert f"style-src 'sha256-{STYLE_HASH}';" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("moment", "is_neutral"),
    [
        (datetime(2027, 4, 4, 5, 59, 59, tzinfo=UTC), False),
        (datetime(2027, 4, 4, 6, 0, tzinfo=UTC), True),
        (datetime(2027, 6, 7, 5, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 6, 7, 6, 0, tzinfo=UTC), False),
    ],
    ids=["the evening before", "first midnight", "last evening", "midnight after"],
)
def test_neutral_days_are_the_site_s_own_whole_days(
    themed: World, moment: datetime, is_neutral: bool
) -> None:
    themed.clock.now = moment
    answer = themed.phone.get(f"/p/{GUACHOCHI}/help")
    assert (len(styles(answer.text)) == 1) == is_neutral
    assert (SLOGAN not in answer.text) == is_neutral


@pytest.mark.parametrize("page", PAGES)
def test_on_a_neutral_day_a_page_is_letter_for_letter_that_of_a_site_without_a_theme(
    themed: World, page: str
) -> None:
    themed.clock.now = datetime(2027, 5, 1, 18, 0, tzinfo=UTC)
    neutral = themed.phone.get(f"/p/{GUACHOCHI}{page}")
    dress(themed, Local(neutral=(ELECTIONS,)))
    plain = themed.phone.get(f"/p/{GUACHOCHI}{page}")
    assert neutral.text == plain.text
    assert neutral.headers["Content-Security-Policy"] == plain.headers["Content-Security-Policy"]


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Square]:
    with open_square(tmp_path) as opened:
        dress(opened.world, Local(theme=THEME))
        yield opened


def test_a_browser_shows_the_colours_under_our_csp_and_axe_finds_nothing(
    square: Square, chromium: Any
) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 640}, color_scheme="light")
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(square.page())
    seen = page.evaluate(COLOURS)
    found = examine(page)
    context.close()
    assert said == []
    assert seen == {
        "header": ["rgb(90, 15, 46)", "rgb(255, 243, 224)"],
        "button": ["rgb(90, 15, 46)", "rgb(255, 255, 255)"],
    }
    assert found == []


COLOURS = """() => Object.fromEntries(["header", "button"].map(name => {
    const look = getComputedStyle(document.querySelector(name));
    return [name, [look.backgroundColor, look.color]];
}))"""
