"""A municipality's colours must be readable for everybody."""

import re
from pathlib import Path

import pytest

import captive_portal
from captive_portal.local import Theme
from captive_portal.themes import OWN, PAPER, contrast, css, problems

STYLE = (Path(captive_portal.__file__).parent / "templates" / "style.css").read_text()


def test_black_on_white_has_the_greatest_contrast_and_a_colour_on_itself_the_least() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#0c4a42", "#0c4a42") == 1


def test_grey_767676_on_white_is_the_known_border_of_aa() -> None:
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    ("theme", "said"),
    [
        (Theme(sky="#767676", on_sky="#ffffff"), "on_sky on sky"),
        (Theme(tap="#767676", on_tap="#ffffff"), "on_tap on tap"),
        (Theme(tap="#ffff00", on_tap="#000000"), "tap on the page"),
        (Theme(sky="red;}"), "sky is no colour"),
    ],
)
def test_a_theme_that_somebody_cannot_read_is_told_and_never_becomes_css(theme: Theme, said: str) -> None:
    (found,) = problems(theme)
    assert found.startswith(said)
    with pytest.raises(ValueError, match=said):
        css(theme)


def test_plazas_own_colours_are_those_of_the_style_and_need_no_css() -> None:
    light = STYLE.partition("@media")[0]
    named = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", light))
    assert (named["sky"], named["tap"], named["paper"]) == (OWN.sky, OWN.tap, PAPER)
    assert problems(OWN) == []
    assert css(Theme(slogan="Aquí estamos")) == ""


def test_a_theme_leaves_dark_and_bold_looks_alone() -> None:
    text = css(Theme(sky="#5a0f2e", tap="#5a0f2e"))
    assert text.startswith("@media (prefers-color-scheme: light) and (prefers-contrast: no-preference){")
    colours = "--sky:#5a0f2e;--far:#6a2742;--on-sky:#ffffff;--tap:#5a0f2e;--on-tap:#ffffff"
    assert f":root:not(.bold){{{colours}}}" in text
