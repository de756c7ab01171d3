"""The way in through a phone's own small browser: no cookie, no storage, one window, closed at any moment.

Chromium with these limits, the portal and our gateway on real servers; the gateway's enforcer only records.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select

from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.backhaul import Lookout
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.server import Reception
from captive_portal.gateway.web import Listener, Request, Response
from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.tables import sessions
from tests.gateway.conftest import Clock
from tests.portal.conftest import GUACHOCHI, World, make_world, portal_site
from tests.portal.square import serving
from tests.town import free_port, wait_for

TAP = "Entrar a Internet"
BARRED = """
for (const name of ["localStorage", "sessionStorage", "indexedDB"])
    Object.defineProperty(window, name, {get() { throw new DOMException("barred", "SecurityError"); }});
Object.defineProperty(document, "cookie", {get: () => "", set() {}});
window.open = () => { throw new DOMException("barred", "SecurityError"); };
"""
"""What the mini-browsers of phones refuse to a page's script."""


@dataclass
class Place:
    """A square with its gateway, and the portal behind it."""

    world: World
    portal: str
    gateway: str
    boot: Clock
    ledger: Ledger
    away: bool = False

    @property
    def probe(self) -> str:
        """What a phone asks to see whether it is captive; no door of this gateway lets it through."""
        return f"{self.gateway}/generate_204"

    def passes(self, **units: float) -> None:
        """Time, for the portal and for the gateway."""
        before = self.world.clock.now
        self.boot.seconds += (self.world.clock.forward(**units) - before).total_seconds()

    @property
    def stored(self) -> int:
        """How many sessions there are."""
        with self.world.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(sessions)).scalar_one())

    @property
    def doors(self) -> int:
        """How many doors stand open."""
        return len(self.ledger.survey())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    world, boot, port = make_world(tmp_path), Clock(), free_port()
    own = f"http://127.0.0.1:{port}"
    world.sites[GUACHOCHI] = portal_site(GUACHOCHI, own)
    site = SiteKey(GUACHOCHI, world.sites[GUACHOCHI].wiring.key)
    ledger, journal = Ledger(tmp_path / "ledger.json", boot), Journal(tmp_path / "journal")
    rules = Ruling(site.names, site.site, journal, Borrowed(boot, journal), None)
    doorkeeper = Doorkeeper(Keyring(site), ledger, journal, boot, partial(secrets.token_urlsafe, 12), rules)
    doorkeeper.start()
    boot.seconds += 1  # what a gateway knows of spent tickets begins before the first phone comes
    with serving(create_app(Portal.over(world.engine, world.sites, world.clock))) as portal:
        lookout = Lookout(lambda: None, boot)
        reception = Reception(doorkeeper, rules, f"{portal}/p/{GUACHOCHI}", own, own, lookout, lookout)
        made = Place(world, portal, own, boot, ledger)

        def answer(request: Request) -> Response:
            if made.away:
                raise ConnectionError
            return reception.plain(request)

        with running(Listener(("127.0.0.1", port), answer)):
            yield made
    world.engine.dispose()


@contextmanager
def running(listener: Listener) -> Iterator[None]:
    thread = Thread(target=listener.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


Opens = Callable[[], Any]


@pytest.fixture(params=[False, True], ids=["without script", "with script"])
def opens(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Opens]:
    """Opens the mini-browser anew: it remembers nothing, and has one window."""
    contexts = []

    def opened() -> Any:
        context = chromium.new_context(
            viewport={"width": 360, "height": 640}, java_script_enabled=request.param
        )
        contexts.append(context)
        context.add_init_script(BARRED)
        window = context.new_page()
        window.set_default_timeout(30_000)
        return window

    yield opened
    for context in contexts:
        assert context.cookies() == []
        assert len(context.pages) <= 1
        context.close()


PLAIN = pytest.mark.parametrize("opens", [False], indirect=True, ids=["without script"])


def tap(window: Any) -> None:
    window.get_by_role("button", name=TAP).click()


def is_in(window: Any) -> bool:
    """Whether it shows the page after, with the time that is left."""
    window.wait_for_url("**/online?**")
    return "Te quedan" in window.locator("body").inner_text()


def test_one_tap_lets_a_mini_browser_in_and_nothing_of_its_page_fails(place: Place, opens: Opens) -> None:
    window, said = opens(), []
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.goto(place.probe)
    tap(window)
    assert is_in(window)
    assert said == []
    assert (place.stored, place.doors) == (1, 1)


@PLAIN
def test_browser_that_closed_before_the_gateway_was_told_is_let_in_by_the_next_tap(
    place: Place, opens: Opens
) -> None:
    window = opens()
    window.goto(place.probe)
    place.away = True
    window.get_by_role("button", name=TAP).click(no_wait_after=True)
    wait_for(lambda: place.stored == 1, "the tap to be stored")
    window.close()
    assert place.doors == 0
    place.away = False
    window = opens()
    window.goto(place.probe)
    tap(window)
    assert is_in(window)
    assert (place.stored, place.doors) == (1, 1)


@PLAIN
def test_browser_that_closed_right_after_the_grant_finds_its_time_again_by_address_and_by_probe(
    place: Place, opens: Opens
) -> None:
    window = opens()
    window.goto(place.probe)
    tap(window)
    assert is_in(window)
    kept = window.url
    window.close()
    place.passes(minutes=20)
    window = opens()
    window.goto(kept)
    assert "Te quedan 40 minutos" in window.locator("body").inner_text()
    window.goto(place.probe)
    assert is_in(window)
    assert "Te quedan 40 minutos" in window.locator("body").inner_text()
    assert (place.stored, place.doors) == (1, 1)


def test_reload_and_back_after_each_step_keep_the_way_and_open_no_second_session(
    place: Place, opens: Opens
) -> None:
    window = opens()
    window.goto(place.probe)
    window.reload()
    window.get_by_role("link", name="English").click()
    window.reload()
    window.go_back()
    tap(window)
    assert is_in(window)
    window.reload()
    assert is_in(window)
    window.go_back()
    tap(window)
    for _ in range(2):
        assert "Ya tienes Internet" in window.locator("body").inner_text()
        window.reload()
    window.goto(place.probe)
    assert is_in(window)
    assert (place.stored, place.doors) == (1, 1)


@PLAIN
def test_phone_that_slept_two_hours_before_its_tap_needs_no_second_one(place: Place, opens: Opens) -> None:
    window = opens()
    window.goto(place.probe)
    place.passes(hours=2)
    tap(window)
    assert is_in(window)
    assert (place.stored, place.doors) == (1, 1)


@PLAIN
def test_phone_that_slept_for_more_than_a_day_is_led_to_a_new_page(place: Place, opens: Opens) -> None:
    window = opens()
    window.goto(place.probe)
    place.passes(hours=25)
    tap(window)
    assert "No reconocimos tu teléfono" in window.locator("body").inner_text()
    window.locator("main a").first.click()
    tap(window)
    assert is_in(window)


@PLAIN
def test_page_that_is_still_there_when_the_session_is_over_lets_in_anew(place: Place, opens: Opens) -> None:
    window = opens()
    window.goto(place.probe)
    window.get_by_role("link", name="English").click()
    for _ in range(2):
        window.get_by_role("button", name="Go online").click()
        window.wait_for_url("**/online?**")
        assert "minutes left" in window.locator("body").inner_text()
        place.passes(hours=2)
        window.go_back()
    assert place.stored == 2


@pytest.mark.parametrize("opens", [True], indirect=True, ids=[""])
def test_page_without_its_looks_is_read_in_order_and_its_button_is_near(place: Place, opens: Opens) -> None:
    window = opens()
    window.goto(place.probe)
    window.evaluate("for (const one of document.querySelectorAll('style')) one.remove()")
    text = window.locator("body").inner_text()
    order = ["Plaza de Armas", "English", "Letra más grande", "Internet gratis", "Toca el botón", TAP]
    order += ["No pedimos", "Ayuda"]
    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)
    button = window.get_by_role("button", name=TAP).bounding_box()
    assert button["y"] < 2 * 640, "pictures without their looks do not push it away"
    tap(window)
    assert is_in(window)
