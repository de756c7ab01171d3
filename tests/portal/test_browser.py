"""The pages in a real Chromium with JavaScript off: on a small telephone, by keyboard, enlarged, at night."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, Response, redirect, request
from werkzeug.serving import make_server

from captive_portal import pages
from captive_portal.guest import create_app
from captive_portal.languages import catalogues
from captive_portal.model import PortalSite
from tests.portal.conftest import GUACHOCHI, World, make_world, portal_site

AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}},
}
# What a reader with low vision or dyslexia may set (WCAG 1.4.12); nothing may be cut off.
TEXT_SPACING = (
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }"
)
SCREENS = {"small": (320, 568), "usual": (360, 640), "1280 at 400 %": (320, 256), "feature": (240, 320)}


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The origin of a real HTTP server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Square:
    """A portal and the gateway of its site, on two origins."""

    portal: str
    world: World
    gateway_heard: list[str]

    def page(self, site: str = GUACHOCHI, lang: str = "es") -> str:
        return f"{self.portal}/p/{site}?a={self.world.token(site)}&lang={lang}"


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    world = make_world(tmp_path_factory.mktemp("square"))
    heard: list[str] = []
    gateway = Flask("gateway")
    with serving(gateway) as gateway_origin:
        world.sites[GUACHOCHI] = portal_site(GUACHOCHI, gateway_origin)
        with serving(create_app(world.sites, world.sessions, world.clock)) as portal_origin:
            found = Square(portal_origin, world, heard)
            answer_like_a_gateway(gateway, found)
            yield found
    world.engine.dispose()


def answer_like_a_gateway(gateway: Flask, square: Square) -> None:
    """The gateway's side of the contract: a ticket is answered with the page after."""

    @gateway.get("/grant")
    def grant() -> Any:
        square.gateway_heard.append(request.args["g"])
        return redirect(f"{square.portal}/p/{GUACHOCHI}/online?lang=es", 303)

    @gateway.post("/leave")
    def leave() -> Response:
        square.gateway_heard.append("leave")
        return Response("left", mimetype="text/plain")


@pytest.fixture
def telephone(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 360, "height": 640}, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def reader(chromium: Any) -> Iterator[Any]:
    """A browser that may be examined from outside; the pages themselves bring no script."""
    context = chromium.new_context(viewport={"width": 360, "height": 640}, bypass_csp=True)
    yield context.new_page()
    context.close()


def addresses(square: Square, lang: str) -> dict[str, str]:
    site = f"{square.portal}/p/{GUACHOCHI}"
    return {
        "welcome": square.page(lang=lang),
        "online": f"{site}/online?lang={lang}",
        "connect": f"{site}?lang={lang}",
        "not-recognised": f"{site}?a=forged&lang={lang}",
        "home": f"{square.portal}/?lang={lang}",
        "lost": f"{square.portal}/p/none?lang={lang}",
    }


def unreachable(site: PortalSite, lang: str) -> Iterator[tuple[str, str]]:
    """The pages that no address shows by itself, as HTML."""
    app = Flask(pages.__name__)
    with app.test_request_context(f"/?lang={lang}"):
        pages.set_up(app, catalogues())
        pages.stand_at(site)
        for name, values in (
            ("site-closed", {}),
            ("trouble", {"incident": "1234-5678"}),
        ):
            yield name, pages.page(app, name, **values).get_data(as_text=True)


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


def test_keyboard_alone_reaches_the_button_and_its_focus_is_seen(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    unfocused = telephone.screenshot()
    telephone.keyboard.press("Tab")
    telephone.keyboard.press("Tab")
    assert telephone.locator("button:focus-visible").count() == 1
    assert telephone.screenshot() != unfocused
    telephone.keyboard.press("Enter")
    telephone.wait_for_url("**/online?lang=es")


def test_switching_the_language_keeps_the_way_in(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    telephone.get_by_role("link", name="English").click()
    telephone.get_by_role("button", name="Go online").click()
    telephone.wait_for_url("**/online**")


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


@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_needs_sideways_scrolling(square: Square, reader: Any, screen: str, lang: str) -> None:
    width, height = SCREENS[screen]
    reader.set_viewport_size({"width": width, "height": height})
    for name, address in addresses(square, lang).items():
        reader.goto(address)
        assert reader.evaluate("document.documentElement.scrollWidth") <= width, name
        reader.add_style_tag(content=TEXT_SPACING)
        assert reader.evaluate("document.documentElement.scrollWidth") <= width, name


def test_button_is_in_sight_on_a_usual_telephone_and_every_target_is_large(
    square: Square, reader: Any
) -> None:
    reader.set_viewport_size({"width": 360, "height": 640})
    reader.goto(square.page())
    button = reader.get_by_role("button").bounding_box()
    assert button["y"] + button["height"] <= 640
    for name, address in addresses(square, "es").items():
        reader.goto(address)
        for target in reader.locator("a, button").all():
            box = target.bounding_box()
            assert min(box["height"], box["width"]) >= 64, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_axe_finds_nothing_up_to_triple_a(square: Square, reader: Any, lang: str, scheme: str) -> None:
    reader.set_viewport_size({"width": 360, "height": 640})
    reader.emulate_media(color_scheme=scheme)
    found = {}
    for name, address in addresses(square, lang).items():
        reader.goto(address)
        found[name] = examine(reader)
    for name, html in unreachable(square.world.sites[GUACHOCHI], lang):
        reader.set_content(html)
        found[name] = examine(reader)
    assert len(found) == 8
    assert {name: problems for name, problems in found.items() if problems} == {}


def examine(page: Any) -> list[str]:
    """Violations, and anything about contrast that axe could not judge."""
    result = Axe().run(page, options=AXE).response
    judged = {rule["id"] for rule in result["passes"]}
    assert {"color-contrast-enhanced", "html-has-lang", "page-has-heading-one"} <= judged
    unsure = [rule for rule in result["incomplete"] if "contrast" in rule["id"]]
    return [json.dumps([rule["id"], rule["nodes"][0]["any"][:1]]) for rule in result["violations"] + unsure]


def test_more_contrast_is_black_and_white(square: Square, reader: Any) -> None:
    reader.goto(square.page())
    ink = "getComputedStyle(document.body).color"
    for scheme, colour in (("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")):
        reader.emulate_media(color_scheme=scheme, contrast="more")
        assert reader.evaluate(ink) == colour
        assert examine(reader) == []
    reader.emulate_media(contrast="no-preference")


def test_colours_of_the_reader_replace_ours_and_the_picture(square: Square, reader: Any) -> None:
    reader.goto(square.page())
    reader.emulate_media(color_scheme="light", forced_colors="active")
    assert not reader.locator("header svg").is_visible()
    assert reader.evaluate("getComputedStyle(document.querySelector('button')).borderTopWidth") == "3px"
    reader.emulate_media(forced_colors="none")
    assert reader.locator("header svg").is_visible()


def test_nothing_moves(square: Square, reader: Any) -> None:
    reader.goto(square.page())
    assert reader.evaluate("document.getAnimations().length") == 0
    assert not re.search("animation|transition|scroll-behavior", pages.STYLE)


def test_page_is_read_in_the_right_order(square: Square, telephone: Any) -> None:
    telephone.goto(square.page())
    heard = telephone.locator("body").aria_snapshot()
    order = [
        "Plaza de Armas",
        "English",
        "Internet gratis",
        "Toca el botón",
        "Entrar a Internet",
        "No pedimos",
    ]
    places = [heard.index(words) for words in order]
    assert places == sorted(places)
    assert "img" not in heard
