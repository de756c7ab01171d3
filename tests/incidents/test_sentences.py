"""What is stored in English is shown in Spanish: every reason that the code can give has its words."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from controller.console.app import TRANSLATIONS
from controller.console.incident_words import step_name
from controller.console.sentences import AND, SENTENCES, is_known, spoken
from drivers.probe.report import Step
from tests.incidents.conftest import Controller
from tests.incidents.reasons import HOLE, reasons
from tests.incidents.test_page import get, text

SLOT = re.compile(r"%\((\w+)\)s")
SILENCE = "no answer from 10.27.1.11:161 in 3 tries; is it on, and is the community right?"
PASSED_ON = {
    ("controller/access.py", "error.reason"),
    ("controller/health.py", "collected.service_reason"),
    ("controller/health.py", "failure.detail"),
    ("drivers/collect.py", "_on_the_air(platform, samples)"),
    ("drivers/collectors/findings.py", "sentence"),  # a problem of an answer, for the log
    ("drivers/probe/dns.py", "f\"{name}: {'; '.join(reasons)}\""),
    ("drivers/probe/fetch.py", "why_distrusted(host, error, shown)"),
    ("drivers/probe/link.py", "f'{self.interface}: {error.strerror}'"),
    ("drivers/probe/visit.py", "plain(str(error))"),
    ("drivers/probe/visit.py", "plain(str(untried))"),
    ("drivers/probe/visit.py", "plain(told.said)"),  # of a step that worked: nobody stores that
    ("drivers/snmp/dialogue.py", "'; '.join(problems[:3])"),
    ("drivers/snmp/engine.py", "str(error)"),
    ("drivers/snmp/walk.py", "f'{problem} at {_dotted(root)}'"),
    ("drivers/snmp/wire.py", "str(why)"),
    ("drivers/ssh.py", "hint"),
    ("drivers/ssh_channel.py", "late"),
    ("drivers/ssh_terminal.py", "late"),
    ("drivers/web.py", "hint or named"),
    ("drivers/web.py", "reason"),
}
"""Where a sentence goes through that was found elsewhere: whoever adds one here makes sure of that."""
NO_SENTENCES = {
    ("controller/probing.py", "child"),
    ("drivers/snmp/udp.py", "code"),
    ("drivers/snmp/udp.py", "sent"),
    ("drivers/snmp/wire.py", "Failure(Reason.TIMEOUT, 'the poller was closed')"),
    ("drivers/snmp/wire.py", "Failure(Reason.TIMEOUT, detail)"),
    ("drivers/snmp/wire.py", "None"),
    ("drivers/snmp/wire.py", "exchange.silence()"),
    ("drivers/snmp/wire.py", "refusal.failure"),
    ("drivers/ssh_terminal.py", "self._style"),
}
"""Calls of the same name that take something else."""


@pytest.fixture(scope="module")
def console() -> Flask:
    made = Flask("console")
    Babel(made, default_domain="console", default_translation_directories=str(TRANSLATIONS))
    return made


@pytest.fixture
def spanish(console: Flask) -> Iterator[None]:
    with console.test_request_context("/"), force_locale("es_MX"):
        yield


def filled(words: str) -> str:
    return SLOT.sub(HOLE, words)


@pytest.mark.usefixtures("spanish")
def test_every_reason_that_the_code_can_give_has_a_spanish_text() -> None:
    found = {part: one.file for one in reasons() for part in one.sentence.split(AND) if part}
    english = {part: file for part, file in found.items() if spoken(part).foreign}

    assert english == {}, "add these to the sentences of controller/console, with their Spanish"
    assert len(found) > 150


def test_what_is_passed_on_is_said_elsewhere() -> None:
    found = {(one.file, one.code) for one in reasons() if not one.sentence}

    assert found <= PASSED_ON | NO_SENTENCES, "make sure that these are found where they are made"


@pytest.mark.usefixtures("spanish")
def test_a_sentence_keeps_its_figures_in_spanish() -> None:
    for stored, words in SENTENCES.items():
        assert sorted(SLOT.findall(stored)) == sorted(SLOT.findall(words))
        assert AND not in stored
        assert is_known(filled(stored))
        assert spoken(filled(stored)).text == filled(words)
        assert words != stored


def test_an_english_reader_reads_what_is_stored(console: Flask) -> None:
    with console.test_request_context("/"), force_locale("en"):
        for stored in SENTENCES:
            assert spoken(filled(stored)) == (filled(stored), False)


@pytest.mark.usefixtures("spanish")
def test_sentences_are_put_together_as_they_were() -> None:
    assert spoken(SILENCE).text == (
        "sin respuesta de 10.27.1.11:161 en 3 intentos; ¿está encendido, y es correcta la comunidad?"
    )
    assert spoken(f"answers in part: {SILENCE}").text.startswith("responde en parte: sin respuesta de 10.27")
    assert spoken("no SSH at 10.0.0.1:22: it does not answer; check power, cable and address").text == (
        "no hay SSH en 10.0.0.1:22: no responde; revise energía, cable y dirección"
    )
    told = spoken("10.0.0.1:161 answers, but its answer bears another community (Network is unreachable)")
    assert (
        told.text == "10.0.0.1:161 responde, pero su respuesta trae otra comunidad (la red es inalcanzable)"
    )
    assert spoken("eth1.20: Network is down").text == "eth1.20: la red está caída"


@pytest.mark.usefixtures("spanish")
def test_what_a_device_said_itself_stays_as_it_is() -> None:
    assert spoken("Fan 2 failed: 0 rpm (critical); call us") == (
        "Fan 2 failed: 0 rpm (critical); call us",
        True,
    )
    assert spoken("") == ("", True)
    assert spoken("100 % %s %(x)s").text == "100 % %s %(x)s"
    assert spoken("it refused 'x %s y': 100 % no").text == "no aceptó 'x %s y': 100 % no"


@pytest.mark.usefixtures("spanish")
def test_every_step_of_a_phone_has_a_name() -> None:
    assert len({step_name(step) for step in Step} - {step.value for step in Step}) == len(Step)
    assert step_name("another") == "another"


def row_of(controller: Controller, path: str) -> str:
    page = get(controller, path)
    return page[page.index('id="m-08027"') : page.index('id="m-08019"')]


def test_reasons_and_evidence_are_spanish_in_the_console_and_stay_machine_words_in_the_store(
    controller: Controller,
) -> None:
    controller.bad |= {"ap-3": SILENCE}
    controller.go(4)
    for name in controller.app.inventory.devices:
        controller.sample("wifi_ap", name, {"up": int(name not in controller.bad)})
    page, home = text(get(controller)), text(row_of(controller, "/"))

    assert "lo último que se supo de ap-3: sin respuesta de 10.27.1.11:161 en 3 intentos" in page
    assert "no answer" not in page
    assert "ap-3: sin respuesta de 10.27.1.11:161 en 3 intentos; ¿está encendido" in home.replace(" :", ":")
    assert "no answer" not in home
    assert SILENCE in text(get(controller, "/?lang=en"))
    assert SILENCE in controller.why()


def test_what_has_no_words_is_marked_as_english_for_who_is_read_to(controller: Controller) -> None:
    controller.bad |= {"ap-3": "Fan 2 failed"}
    controller.go(4)
    for name in controller.app.inventory.devices:
        controller.sample("wifi_ap", name, {"up": int(name not in controller.bad)})

    assert '<span lang="en">Fan 2 failed</span>' in row_of(controller, "/")
    assert "<span lang=" not in row_of(controller, "/?lang=en")


def test_a_step_and_what_it_met_are_spanish(controller: Controller) -> None:
    for _ in range(2):
        controller.wait(900)
        controller.probed(works=False, step="dns", detail="x.mx: the DNS server 10.1.1.1 fails (SERVFAIL)")
        controller.go(1)
    page = text(get(controller))

    assert (
        "un teléfono se atora en los nombres (DNS): x.mx: el servidor DNS 10.1.1.1 falla (SERVFAIL)" in page
    )
