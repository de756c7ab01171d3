"""The page in a real browser: small, large, light, dark, enlarged, and without JavaScript."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.console.network import Network

WALL = {"width": 1280, "height": 800}
PHONE = {"width": 320, "height": 640}
ENLARGED = {"width": 320, "height": 200}  # CSS pixels of 1280x800 at 400 %


@dataclass(frozen=True)
class Screen:
    """How somebody looks at the page."""

    path: str
    size: dict[str, int]
    scheme: str
    scale: int = 1


SCREENS = {
    "spanish on a wall": Screen("/", WALL, "light"),
    "spanish on a wall at night": Screen("/?q=0802", WALL, "dark"),
    "english on a telephone": Screen("/?lang=en&q=0802", PHONE, "light"),
    "english on a telephone at night": Screen("/?lang=en&auto=3600&state=unknown", PHONE, "dark"),
    "spanish at 400 %": Screen("/?q=plaza&state=down", ENLARGED, "light", scale=4),
}


@pytest.fixture(scope="module")
def address(mixed: Network, serve: Callable[[Any], str]) -> str:
    return serve(mixed.app())


@pytest.fixture(scope="module", params=SCREENS.values(), ids=SCREENS.keys())
def page(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Any]:
    """The page with its first municipalities opened."""
    screen: Screen = request.param
    context = chromium.new_context(
        viewport=screen.size, color_scheme=screen.scheme, device_scale_factor=screen.scale
    )
    page = context.new_page()
    page.goto(address + screen.path)
    for number in range(2):
        page.locator("summary").nth(number).click()
    yield page
    context.close()


def test_axe_finds_nothing_to_mend(page):
    found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})

    assert found.violations_count == 0, found.generate_report()


def test_nothing_needs_scrolling_sideways(page):
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter(e => !e.closest("thead, .spoken, .shapes"))
            .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.outerHTML.slice(0, 120))"""
    )

    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def opened(chromium: Any, address: str, **options: Any) -> Any:
    page = chromium.new_context(java_script_enabled=False, **options).new_page()
    page.goto(address)
    return page


@pytest.mark.parametrize("size", [WALL, PHONE], ids=["wall", "telephone"])
def test_opening_a_municipality_shows_its_access_points_and_the_reason(chromium, address, size):
    page = opened(chromium, address, viewport=size)
    device = page.locator(".device", has_text="ap-08029-1")
    before = device.is_visible()
    page.locator("#m-08029 summary").click()
    after, shown = device.is_visible(), device.inner_text()
    page.context.close()

    assert (before, after) == (False, True)
    assert "Sin servicio" in shown
    assert "no answer after 3 tries" in shown


@pytest.mark.parametrize("size", [WALL, PHONE], ids=["wall", "telephone"])
def test_a_screen_reader_meets_a_table_with_named_rows_and_columns(chromium, address, size):
    page = opened(chromium, address, viewport=size)
    tree = page.locator("table").aria_snapshot()
    page.context.close()

    assert "columnheader" in tree
    assert re.search(r'rowheader "Guadalupe y Calvo 08029"', tree)
    assert tree.count("- rowheader") == 67


def test_down_is_red_and_more_than_a_colour(chromium, address):
    page = opened(chromium, address, viewport=WALL, color_scheme="light")
    badge = page.locator("#m-08029 .state .badge")
    colour = badge.evaluate("e => getComputedStyle(e).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", colour))
    icon = badge.locator("svg").bounding_box()
    words = badge.inner_text().strip()
    page.context.close()

    assert red > 3 * max(green, blue)
    assert words == "Sin servicio"
    assert icon["width"] >= 12


def test_a_technician_finds_a_municipality_by_keyboard_alone(chromium, address):
    page = opened(chromium, address, viewport=PHONE)
    page.get_by_label("Buscar").focus()
    page.keyboard.type("ojinaga")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=ojinaga**")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    shown = page.locator("details[open]").inner_text()
    count = page.locator("tbody tr").count()
    page.context.close()

    assert "ap-08052-2" in shown
    assert count == 1


def test_the_browser_obeys_the_page_policy_without_a_complaint(chromium, address):
    page = chromium.new_context(viewport=WALL).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(address, wait_until="networkidle")
    page.context.close()

    assert complaints == []
