"""What a municipality wrote is Spanish on every page, and on neutral days nobody is named by it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from captive_portal.guest import Door, create_app
from captive_portal.local import Help, Local, Neutral, Responsible, Service, Theme
from captive_portal.portal import Portal
from tests.portal.conftest import GUACHOCHI, World, make_world

SAID = ("Aquí estamos", "de 9 a 15 horas", "en la presidencia", "Pagar el agua de María",
        "Calle Dos 3", "Unidad de enlace", "por escrito", "artículo 3")  # fmt: skip
SLOGAN, HOURS, PLACE, SERVICE, ADDRESS, UNIT, RIGHTS, BASIS = SAID
LOCAL = Local(
    theme=Theme("#5a0f2e", "#ffffff", slogan=SLOGAN),
    responsible=Responsible("Presidencia", ADDRESS, unit=UNIT, rights=RIGHTS, basis=BASIS),
    help=Help(hours=HOURS, place=PLACE),
    services=(Service(SERVICE, "https://www.example.mx/agua"),),
)
PAGES = ("help", "notice", "notice-full", "services")


class Spoken(HTMLParser):
    """The language in which each text of a page is said."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        around = self._open[-1][1] if self._open else ""
        if tag not in {"meta", "path", "circle", "input", "br", "svg", "link"}:
            self._open.append((tag, dict(attrs).get("lang") or around))

    def handle_endtag(self, tag: str) -> None:
        if any(tag == one for one, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.found.append((data, self._open[-1][1] if self._open else ""))

    def languages_of(self, text: str) -> set[str]:
        return {language for data, language in self.found if text in data}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A municipality that says all it can."""
    made = make_world(tmp_path_factory.mktemp("told"))
    yield replace(made, app=portal_saying(made, LOCAL))
    made.engine.dispose()


def portal_saying(world: World, local: Local) -> Door:
    site = replace(world.sites[GUACHOCHI], local=local)
    return create_app(Portal.over(world.engine, {GUACHOCHI: site}, world.clock))


def page(world: World, name: str, language: str) -> str:
    return world.phone.get(f"/p/{GUACHOCHI}/{name}?lang={language}").text


@pytest.mark.parametrize("language", ["es", "en"])
def test_what_a_municipality_wrote_is_spanish_whatever_the_page_is_in(told: World, language: str) -> None:
    heard = {text: set[str]() for text in SAID}
    for name in PAGES:
        spoken = Spoken(page(told, name, language))
        assert spoken.languages_of("Wi-Fi" if name == "help" else "Internet") <= {language}
        for text in SAID:
            heard[text] |= spoken.languages_of(text)
    assert heard == {text: {"es"} for text in SAID}


def test_a_page_in_spanish_says_its_language_once(told: World) -> None:
    assert "<span" not in page(told, "notice-full", "es")
    assert '<span lang="es">' in page(told, "notice-full", "en")


def test_what_a_municipality_wrote_is_text_and_no_html(told: World) -> None:
    told = replace(told, app=portal_saying(told, Local(help=Help(hours="<b>9</b>"))))
    assert "&lt;b&gt;9&lt;/b&gt;" in page(told, "help", "en")


@pytest.mark.parametrize(("days", "neutral"), [(-1, False), (0, True), (1, True), (2, False)])
def test_on_neutral_days_there_is_no_slogan_no_colour_and_no_service_s_name(
    tmp_path: Path, days: int, neutral: bool
) -> None:
    world = make_world(tmp_path)
    start = world.clock.now.date() - timedelta(days=days)
    local = replace(LOCAL, neutral=(Neutral(start, start + timedelta(days=1)),))
    world = replace(world, app=portal_saying(world, local))
    services = page(world, "services", "es")
    assert (SLOGAN in services, "#5a0f2e" in services, SERVICE in services) == (not neutral,) * 3
    assert (">www.example.mx</a>" in services) == neutral
    assert 'href="https://www.example.mx/agua"' in services
    world.engine.dispose()


def test_who_answers_for_the_data_is_named_on_neutral_days_too(told: World) -> None:
    """The law has the notice say it."""
    always = (Neutral(date(2020, 1, 1), date(2099, 1, 1)),)
    told = replace(told, app=portal_saying(told, replace(LOCAL, neutral=always)))
    assert "Presidencia" in page(told, "notice", "es")
