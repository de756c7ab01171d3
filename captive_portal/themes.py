"""A municipality's colours: whether everybody can read them (WCAG 2.2, AAA), and the CSS that sets them."""

import re
from dataclasses import replace
from typing import Final

from captive_portal.local import Theme

OWN: Final = Theme(sky="#0c4a42", on_sky="#ffffff", tap="#0c4a42", on_tap="#ffffff")
PAPER: Final = "#fcfaf5"
TEXT: Final = 7.0
EDGE: Final = 3.0
_COLOUR: Final = re.compile("#[0-9a-fA-F]{6}")
_LOOK: Final = "@media (prefers-color-scheme: light) and (prefers-contrast: no-preference)"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours #rrggbb, 1 to 21 (WCAG 2.2, contrast ratio). Raises ValueError."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def problems(theme: Theme) -> list[str]:
    """What keeps somebody from reading a page in these colours; empty when nothing does."""
    names = ("sky", "on_sky", "tap", "on_tap")
    odd = [name for name in names if (value := getattr(theme, name)) and not _COLOUR.fullmatch(value)]
    if odd:
        return [f"{name} is no colour: write it as #rrggbb" for name in odd]
    full = _full(theme)
    pairs = (
        ("on_sky on sky", full.on_sky, full.sky, TEXT),
        ("on_tap on tap", full.on_tap, full.tap, TEXT),
        ("tap on the page", full.tap, PAPER, EDGE),
    )
    return [
        f"{what} has a contrast of {contrast(one, other):.2f}: it must be {least:g} or more"
        for what, one, other, least in pairs
        if contrast(one, other) < least
    ]


def css(theme: Theme) -> str:
    """The CSS of a theme without problems, "" without colours: dark and bold looks keep Plaza's own.

    Raises ValueError for a theme with problems.
    """
    if found := problems(theme):
        raise ValueError("; ".join(found))
    full = _full(theme)
    if full == replace(OWN, slogan=theme.slogan):
        return ""
    sky = f"--sky:{full.sky};--far:{_farther(full.sky)};--on-sky:{full.on_sky}"
    colours = f"{sky};--tap:{full.tap};--on-tap:{full.on_tap}"
    return f"{_LOOK}{{:root:not(.bold){{{colours}}}}}"


def _full(theme: Theme) -> Theme:
    """The theme with Plaza's own colours where it names none."""
    return Theme(
        sky=theme.sky or OWN.sky,
        on_sky=theme.on_sky or OWN.on_sky,
        tap=theme.tap or OWN.tap,
        on_tap=theme.on_tap or OWN.on_tap,
        slogan=theme.slogan,
    )


def _farther(sky: str) -> str:
    """The hills far away: the sky's colour, a tenth nearer to white."""
    parts = (int(sky[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{part + (255 - part) // 10:02x}" for part in parts)


def _luminance(colour: str) -> float:
    """The relative luminance of #rrggbb, 0 to 1 (WCAG 2.2, sRGB). Raises ValueError."""
    if not _COLOUR.fullmatch(colour):
        raise ValueError("a colour is written as #rrggbb")
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
