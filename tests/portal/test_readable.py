"""Every page in every language and mode as a real Chromium shows it: WCAG 2.2 AA, and AAA where we can."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from captive_portal import pages
from tests.portal.conftest import GUACHOCHI
from tests.portal.square import MODES, Square, addresses, open_square, unreachable

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
    "p { margin-bottom: 2em !important; }"
)
SCHEMES = ("light", "dark")
SCREENS = {"small": (320, 568), "usual": (360, 640), "1280 at 400 %": (320, 256), "feature": (240, 320)}
LOOKED_AT = {"es", "en.big.bold"}
PICTURES = Path(__file__).parents[2] / "var" / "pictures" / "portal"
"""Kept after the tests, for people to look at."""
FITS: dict[str, list[str]] = {screen: [] for screen in SCREENS}


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    with open_square(tmp_path_factory.mktemp("square")) as opened:
        yield opened


@pytest.fixture(scope="module")
def reader(chromium: Any) -> Iterator[Any]:
    """A browser that may be examined from outside; the pages themselves bring no script."""
    context = chromium.new_context(viewport={"width": 360, "height": 640}, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lang", ["es", "en"])
def test_no_page_needs_sideways_scrolling(square: Square, reader: Any, lang: str, mode: str) -> None:
    for name, address in addresses(square, lang, mode).items():
        reader.goto(address)
        assert {screen: cut_off(reader, *size) for screen, size in SCREENS.items()} == FITS, name
        reader.add_style_tag(content=TEXT_SPACING)
        assert {screen: cut_off(reader, *size) for screen, size in SCREENS.items()} == FITS, name


def cut_off(page: Any, width: int, height: int) -> Sequence[str]:
    """Every text or control that reaches beyond the screen, also where the header would clip it."""
    page.set_viewport_size({"width": width, "height": height})
    found: list[str] = page.evaluate(
        """width => [...document.querySelectorAll("h1, p, b, li, a, button")].filter(one => {
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
    for name, address in addresses(square, "es", mode).items():
        reader.goto(address)
        targets = [target.bounding_box() for target in reader.locator("a, button").all()]
        assert len(targets) >= 3
        assert min(min(box["height"], box["width"]) for box in targets) >= 64, name


@pytest.mark.parametrize("mode", MODES)
def test_focus_is_seen_on_every_target(square: Square, reader: Any, mode: str) -> None:
    """WCAG 2.4.13: a ring of 2 px or more around the target, 3:1 against what is behind it."""
    reader.set_viewport_size({"width": 320, "height": 568})
    for scheme, name in product(SCHEMES, ("welcome", "online", "connect")):
        reader.emulate_media(color_scheme=scheme)
        reader.goto(addresses(square, "es", mode)[name])
        for _ in range(reader.locator("a, button").count()):
            reader.keyboard.press("Tab")
            ring = reader.evaluate(RING)
            assert (ring["style"], ring["width"]) == ("solid", "4px"), name
            assert contrast(ring["colour"], ring["behind"]) >= 3, (scheme, name, ring)


RING = """() => {
    const one = document.activeElement, look = getComputedStyle(one);
    const around = getComputedStyle(one.closest("header") || document.body).backgroundColor;
    return {style: look.outlineStyle, width: look.outlineWidth, colour: look.outlineColor, behind: around};
}"""


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
    found = {}
    for name, address in addresses(square, lang, mode).items():
        reader.goto(address)
        found |= examine_by_day_and_night(reader, name, f"{lang}{mode and '.'}{mode}")
    for name, html in unreachable(square.world.sites[GUACHOCHI], lang, mode):
        reader.set_content(html)
        found |= examine_by_day_and_night(reader, name, f"{lang}{mode and '.'}{mode}")
    assert len(found) == 42
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
