"""Every page in every language and mode as a real Chromium shows it: WCAG 2.2 AA, and AAA where we can."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from captive_portal import pages
from captive_portal.local import LegalRetention, Service, Theme
from tests.portal.conftest import GUACHOCHI
from tests.portal.square import MODES, Square, addresses, open_square, unreachable
from tests.portal.test_local_words import LOCAL

AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}},
    # every rule judges every element; of what passes only one is described, which takes the longest of all
    "resultTypes": ["violations", "incomplete"],
}
# What a reader with low vision or dyslexia may set (WCAG 1.4.12); nothing may be cut off.
TEXT_SPACING = (
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }"
    "p { margin-bottom: 2em !important; }"
)
SCHEMES = ("light", "dark")
WIDTHS = {"small, or 1280 at 400 %": 320, "usual": 360, "feature": 240}
TARGETS = "a, button, input:not([type=hidden])"
LOOKED_AT = {"es", "en.big.bold"}
PICTURES = Path(__file__).parents[2] / "var" / "pictures" / "portal"
"""Kept after the tests, for people to look at."""
FITS: dict[str, list[str]] = {screen: [] for screen in WIDTHS}
WHOLE = replace(
    LOCAL,
    responsible=replace(LOCAL.responsible, phone="614 555 0101", email="datos@guachochi.example.mx"),
    help=replace(LOCAL.help, phone="614 555 0102"),
    services=(*LOCAL.services, Service("Registro civil", "https://www.example.mx/registro-civil")),
    legal=LegalRetention("Ana Ruiz", date(2026, 1, 15), "artículo 1", 730),
)
"""A municipality that says all it can, in colours of its own."""


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    with open_square(tmp_path_factory.mktemp("square")) as opened:
        site = opened.world.sites[GUACHOCHI]
        opened.world.sites[GUACHOCHI] = replace(site, local=WHOLE)
        yield opened


def shown(square: Square, reader: Any, lang: str, mode: str) -> Iterator[str]:
    """The name of every page, one after the other, while the reader has it before it.

    Those with an address are in the municipality's colours, the others in Plaza's own.
    """
    for name, address in addresses(square, lang, mode).items():
        reader.goto(address)
        yield name
    site = square.world.sites[GUACHOCHI]
    plain = replace(site, local=replace(WHOLE, theme=Theme()))
    for name, html in unreachable(plain, lang, mode):
        reader.set_content(html)
        yield name


@pytest.fixture(scope="module")
def reader(chromium: Any) -> Iterator[Any]:
    """A browser that may be examined from outside; the pages themselves bring no script."""
    context = chromium.new_context(viewport={"width": 360, "height": 640}, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lang", ["es", "en"])
def test_no_page_needs_sideways_scrolling(square: Square, reader: Any, lang: str, mode: str) -> None:
    for name in shown(square, reader, lang, mode):
        assert {screen: cut_off(reader, width) for screen, width in WIDTHS.items()} == FITS, name
        reader.add_style_tag(content=TEXT_SPACING)
        assert {screen: cut_off(reader, width) for screen, width in WIDTHS.items()} == FITS, name


def cut_off(page: Any, width: int) -> Sequence[str]:
    """Every text or control that reaches beyond the screen, also where the header would clip it."""
    page.set_viewport_size({"width": width, "height": 568})
    found: list[str] = page.evaluate(
        """width => [...document.querySelectorAll("h1,h2,p,b,li,label,a,button,input")].filter(one => {
            const range = document.createRange();
            range.selectNodeContents(one);
            const boxes = [one.getBoundingClientRect(), ...range.getClientRects()];
            return boxes.some(box => box.left < 0 || box.right > width);
        }).map(one => one.textContent.trim())""",
        width,
    )
    wide = page.evaluate("document.documentElement.scrollWidth") > width
    return [*found, "the whole page"] if wide else found


def test_button_is_in_sight_on_a_usual_telephone(square: Square, reader: Any) -> None:
    reader.set_viewport_size({"width": 360, "height": 640})
    for mode in MODES:
        reader.goto(addresses(square, "es", mode)["welcome"])
        button = reader.get_by_role("button").bounding_box()
        assert button["y"] + button["height"] <= 640, mode


@pytest.mark.parametrize("mode", MODES)
def test_every_target_is_large(square: Square, reader: Any, mode: str) -> None:
    reader.set_viewport_size({"width": 320, "height": 568})
    for name in shown(square, reader, "es", mode):
        targets = reader.evaluate(SIZES, TARGETS)
        assert len(targets) >= 3, name
        assert [target for target in targets if min(target[1:]) < 64] == [], name


SIZES = """targets => [...document.querySelectorAll(targets)].map(one => {
    const box = one.getBoundingClientRect();
    return [one.outerHTML.slice(0, 80), box.width, box.height];
})"""


@pytest.mark.parametrize("mode", MODES)
def test_focus_is_seen_on_every_target(square: Square, reader: Any, mode: str) -> None:
    """WCAG 2.4.13: a ring of 2 px or more around the target, 3:1 against what is behind it."""
    reader.set_viewport_size({"width": 320, "height": 568})
    for name in shown(square, reader, "es", mode):
        for scheme in SCHEMES:
            reader.emulate_media(color_scheme=scheme)
            reader.keyboard.press("Tab")
            rings = reader.evaluate(RINGS, TARGETS)
            assert len(rings) >= 3, name
            for ring in rings:
                assert (ring["style"], ring["width"]) == ("solid", "4px"), (name, ring)
                assert contrast(ring["colour"], ring["behind"]) >= 3, (scheme, name, ring)


# After a key every focus is one that is to be seen (:focus-visible).
RINGS = """targets => [...document.querySelectorAll(targets)].map(one => {
    one.focus();
    const look = getComputedStyle(one);
    const around = getComputedStyle(one.closest("header") || document.body).backgroundColor;
    return {target: one.outerHTML.slice(0, 80), style: look.outlineStyle, width: look.outlineWidth,
        colour: look.outlineColor, behind: around};
})"""


def test_the_tab_key_reaches_every_target_of_a_page_in_order(square: Square, reader: Any) -> None:
    reader.goto(addresses(square, "es")["welcome"])
    many = reader.locator(TARGETS).count()
    for at in range(many):
        reader.keyboard.press("Tab")
        assert reader.evaluate(AT, TARGETS) == at


AT = "targets => [...document.querySelectorAll(targets)].indexOf(document.activeElement)"


def contrast(one: str, other: str) -> float:
    """The ratio of two colours written as rgb(r, g, b); WCAG 2.2, contrast ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lang", ["es", "en"])
def test_axe_finds_nothing_up_to_triple_a(square: Square, reader: Any, lang: str, mode: str) -> None:
    reader.set_viewport_size({"width": 360, "height": 640})
    found: dict[tuple[str, str], list[str]] = {}
    for name in shown(square, reader, lang, mode):
        found |= examine_by_day_and_night(reader, name, f"{lang}{mode and '.'}{mode}")
    assert len(found) == 50
    assert {name: problems for name, problems in found.items() if problems} == {}


def examine_by_day_and_night(page: Any, name: str, look: str) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found[name, scheme] = examine(page)
        if look in LOOKED_AT:
            page.screenshot(path=PICTURES / f"{name}.{look}.{scheme}.png", full_page=True)
    return found


def examine(page: Any) -> list[str]:
    """Violations, and anything about contrast that axe could not judge."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    result = page.evaluate(EXAMINE, AXE)
    assert {"color-contrast-enhanced", "html-has-lang", "page-has-heading-one"} <= set(result["judged"])
    unsure = [rule for rule in result["incomplete"] if "contrast" in rule["id"]]
    return [json.dumps([rule["id"], rule["nodes"][0]["any"][:1]]) for rule in result["violations"] + unsure]


EXAMINE = """options => axe.run(options).then(({violations, incomplete, passes}) =>
    ({violations, incomplete, judged: passes.map(rule => rule.id)}))"""


@pytest.mark.parametrize(("scheme", "ink"), [("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")])
def test_more_contrast_is_the_same_by_link_and_by_preference(
    square: Square, reader: Any, scheme: str, ink: str
) -> None:
    reader.emulate_media(color_scheme=scheme, contrast="more")
    reader.goto(square.page())
    preferred = reader.evaluate(LOOK)
    assert preferred["color"] == ink
    assert examine(reader) == []
    reader.emulate_media(color_scheme=scheme, contrast="no-preference")
    assert reader.evaluate(LOOK) != preferred
    reader.goto(addresses(square, "es", "bold")["welcome"])
    assert reader.evaluate(LOOK) == preferred


LOOK = """() => {
    const look = getComputedStyle(document.body);
    const ours = document.styleSheets[0].cssRules[0].style;
    const names = [...ours].filter(name => name.startsWith("--"));
    return Object.fromEntries(["color", "backgroundColor", "fontWeight"].map(name => [name, look[name]])
        .concat(names.map(name => [name, look.getPropertyValue(name)])));
}"""


def test_colours_of_the_reader_replace_ours_and_the_picture(square: Square, reader: Any) -> None:
    reader.goto(square.page())
    reader.emulate_media(color_scheme="light", forced_colors="active")
    assert not reader.locator("header > svg").is_visible()
    assert reader.evaluate("getComputedStyle(document.querySelector('button')).borderTopWidth") == "3px"
    reader.emulate_media(forced_colors="none")
    assert reader.locator("header > svg").is_visible()


def test_nothing_moves_whatever_the_reader_prefers(square: Square, reader: Any) -> None:
    for preferred in ("reduce", "no-preference"):
        reader.emulate_media(reduced_motion=preferred)
        reader.goto(square.page())
        assert reader.evaluate("document.getAnimations().length") == 0
    assert not re.search("animation|transition|scroll-behavior", pages.STYLE)
