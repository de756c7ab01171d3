"""The page of incidents: what is wrong, since when, why, who has it, what next; in a real browser, too."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

from controller.console import incident_words
from controller.console.app import create_app
from controller.console.overview import ProbeRow, served
from controller.health import State
from controller.incidents import desk
from controller.incidents.model import Cause, Reach, Root
from controller.incidents.reading import Every
from controller.incidents.words import ADVICE, WORDS
from controller.store.tables import incidents
from controller.wsgi.console import console_of
from tests.incidents.conftest import EVERY_S, Controller, controller_in, ended

HERE = {"Host": "127.0.0.1:8081"}
EVIL = "<script>alert(1)</script>"
PHONE, WALL = {"width": 320, "height": 640}, {"width": 1280, "height": 900}


def app_of(controller: Controller, probe_s: int = 900) -> Any:
    app = controller.app
    return create_app(app.inventory, app.engine, app.samples, controller.clock, Every(EVERY_S, probe_s))


def get(controller: Controller, path: str = "/incidents", probe_s: int = 900) -> str:
    page = app_of(controller, probe_s).test_client().get(path, headers=HERE)
    assert page.status_code == 200
    return str(page.text)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def evening(controller: Controller) -> None:
    """A switch without power and what hangs on it, one taken on, one over, one announced."""
    controller.fail("ap-5")
    controller.go(3)
    controller.mend("ap-5")
    controller.go(11)
    controller.sample("power", "ups", {"on_battery": 1, "battery_low": 1, "runtime_s": 40})
    controller.fail("sw", "ap-1", "ap-2", "ap-3")
    controller.go(4)
    [clinic] = [one for one in controller.incidents() if one.root.key == "ap-3"]
    desk.acknowledge(controller.app.engine, clinic, controller.hand("va para allá"))
    until = controller.clock() + timedelta(hours=3)
    desk.announce(controller.app.engine, "08019-plaza", controller.clock(), until, controller.hand("mástil"))


@pytest.fixture(scope="module")
def scene(calm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """An evening that is only read."""
    directory = tmp_path_factory.mktemp("evening")
    shutil.copytree(calm, directory, dirs_exist_ok=True)
    made = controller_in(directory)
    made.wait(12 * EVERY_S)
    evening(made)
    yield made
    ended(made)


def test_the_page_says_what_is_wrong_why_since_when_and_what_next(scene: Controller) -> None:
    page = text(get(scene))

    assert "sw no responde" in page
    assert "Energía" in page
    assert "ups, que lo alimenta, estaba en batería y casi vacía antes (quedaban 40 s)" in page
    assert "Pregunte en el sitio, o a la compañía de luz" in page
    assert re.search(r"Desde 14:\d\d:\d\d UTC−6", page)
    assert "plaza incident ack" in page
    assert "Guachochi · Plaza" in page
    assert re.search(r"ana, 14:\d\d:\d\d UTC−6 ?: va para allá", page)
    assert "ap-5 no responde" in page[page.index("Cerradas en los") :]
    assert "Plaza de Armas" in page[page.index("Cortes anunciados") :]


def test_what_answers_again_is_said_with_since_when_and_when_it_closes(controller: Controller) -> None:
    controller.fail("ap-5", "sw", "ap-1")
    controller.go(4)
    controller.mend("ap-5", "ap-1")
    controller.go(3)
    page, english = text(get(controller)), text(get(controller, "/incidents?lang=en"))

    began, closes = back_at(page)
    assert closes - began == timedelta(seconds=9 * EVERY_S)
    assert "Responden de nuevo 1 de 2" in page
    assert "Nada: todo responde de nuevo" in page
    assert f"it closes about this time if that lasts: {closes:%H:%M:%S}" in english
    assert "plaza snmp why sw" in page


def back_at(page: str) -> tuple[datetime, datetime]:
    """Since when it answers again, and about when it closes."""
    at = re.search(r"Responde de nuevo desde (\S+) UTC−6 ?; si así sigue se cierra hacia (\S+) UTC−6", page)
    assert at is not None
    began, closes = (datetime.fromisoformat(f"2026-11-26T{one}") for one in at.groups())
    return began, closes


def serves_again(controller: Controller) -> None:
    """Two probes that get stuck, and one that does not."""
    for works in (False, False, True):
        controller.wait(300)
        controller.probed(works=works, step="dns", detail="nobody answers")
        controller.go(1)


@pytest.mark.parametrize("probe_s", [300, 3600])
def test_a_service_closes_about_when_the_next_probe_is_due(controller: Controller, probe_s: int) -> None:
    serves_again(controller)
    began, closes = back_at(text(get(controller, probe_s=probe_s)))

    assert closes - began == timedelta(seconds=probe_s)


def test_the_console_goes_by_the_settings(controller: Controller) -> None:
    seldom = controller.app.settings.model_copy(update={"probe_minutes": 7})
    serves_again(controller)
    console = console_of(replace(controller.app, settings=seldom), controller.clock)
    began, closes = back_at(text(console.test_client().get("/incidents", headers=HERE).text))

    assert closes - began == timedelta(minutes=7)


def test_what_nobody_has_comes_first(scene: Controller) -> None:
    page = get(scene)

    assert page.index("sw no responde") < page.index("ap-3 no responde")


def test_it_is_spanish_first_and_english_one_link_away(scene: Controller) -> None:
    spanish, english = get(scene), get(scene, "/incidents?lang=en")

    assert '<html lang="es">' in spanish
    assert 'href="/incidents?lang=en"' in spanish
    assert "sw does not answer" in english
    assert "was on battery and nearly empty before" in english
    assert "no responde" not in english


def test_the_overview_counts_what_is_open_and_leads_there(scene: Controller) -> None:
    page = get(scene, "/")

    assert "Incidencias abiertas: 2" in text(page)
    assert 'href="/incidents"' in page
    assert 'href="/incidents?lang=en"' in get(scene, "/?lang=en")


def test_a_calm_network_has_a_page_too(controller: Controller) -> None:
    assert "Ninguna incidencia abierta" in text(get(controller))


def test_what_people_wrote_is_shown_as_written_and_never_as_markup(controller: Controller) -> None:
    evening(controller)
    with controller.app.engine.begin() as connection:
        connection.execute(incidents.update().values(acked_why=EVIL, acked_by=EVIL, acked_at=controller.now))
    page = get(controller)

    assert EVIL not in page
    assert EVIL in unescape(page)


def test_agent_and_service_are_two_facts_on_the_first_page(controller: Controller) -> None:
    for name in controller.app.inventory.devices:
        controller.sample("wifi_ap", name, {"up": 1, "clients": 3})
    controller.probed(works=False, step="dns", detail="nobody answers")
    page = get(controller, "/")
    row = text(page[page.index('id="m-08027"') : page.index('id="m-08019"')])

    assert "agente: sí · servicio: sin datos" in row
    assert "Plaza : servicio: un teléfono se atora en los nombres (DNS): nobody answers" in row
    assert "Sin servicio" in row


def test_an_announced_outage_is_said_to_be_so_on_the_first_page(controller: Controller) -> None:
    controller.fail("ap-5", "ap-3")
    controller.go(4)
    for name in controller.app.inventory.devices:
        controller.sample("wifi_ap", name, {"up": int(name not in controller.bad)})
    until = controller.clock() + timedelta(hours=3)
    desk.announce(controller.app.engine, "08019", controller.clock(), until, controller.hand("mástil"))
    page = text(get(controller, "/"))

    assert page.count("caída prevista:") == 1
    assert "caída prevista: anunciada por ana: mástil" in page


@pytest.mark.parametrize(
    ("state", "works", "is_open", "answer"),
    [
        (State.UP, False, True, State.DOWN),
        (State.UP, False, False, State.UP),
        (State.UP, None, True, State.UP),
        (State.DOWN, True, True, State.DEGRADED),
        (State.UNKNOWN, True, True, State.UP),
        (State.DOWN, None, True, State.DOWN),
    ],
)
def test_what_a_citizen_meets_counts_more_than_what_agents_say(
    state: State, works: bool | None, is_open: bool, answer: State
) -> None:
    assert served(state, ProbeRow(works, "dns", "", 0), is_open=is_open) is answer
    assert served(state, None, is_open=is_open) is state


def test_every_code_has_words_in_the_page(controller: Controller) -> None:
    with app_of(controller).test_request_context("/"):
        assert incident_words.evidence().keys() == WORDS.keys()
        assert incident_words.advice().keys() == ADVICE.keys()
        assert incident_words.causes().keys() == set(Cause)
        assert len({incident_words.title(Root(reach, "x"), {}) for reach in Reach}) == len(Reach)
        for code, words in WORDS.items():
            names = re.findall(r"%\((\w+)\)s", words)
            assert sorted(re.findall(r"%\((\w+)\)s", incident_words.evidence()[code])) == sorted(names), code


@pytest.fixture(scope="module")
def address(scene: Controller) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app_of(scene), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/incidents"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(chromium: Any, address: str, **options: Any) -> Any:
    page = chromium.new_context(**options).new_page()
    page.goto(address)
    for number in range(page.locator("summary").count()):
        page.locator("summary").nth(number).click()
    return page


@pytest.mark.parametrize(
    ("size", "scheme"), [(WALL, "light"), (PHONE, "dark")], ids=["wall", "telephone at night"]
)
def test_axe_finds_nothing_to_mend_and_nothing_needs_scrolling_sideways(
    chromium: Any, address: str, size: dict[str, int], scheme: str
) -> None:
    page = opened(chromium, address, viewport=size, color_scheme=scheme)
    found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()

    assert found.violations_count == 0, found.generate_report()
    assert fits


def test_the_page_needs_no_javascript_and_breaks_no_policy(chromium: Any, address: str) -> None:
    said: list[str] = []
    page = chromium.new_context(java_script_enabled=False, viewport=PHONE).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    page.locator("summary").first.click()
    shown = page.locator("details[open]").first.inner_text()
    page.context.close()

    assert "ap-1" in shown
    assert said == []
