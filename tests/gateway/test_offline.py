"""A site without a way to the portal says so itself, over real sockets and in a real browser."""

import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from captive_portal.gateway import notices, pages
from captive_portal.gateway.admission import Reason, SiteKey
from captive_portal.gateway.backhaul import UP, Lookout, reach
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.policy import Blocked, Emergency, Filter, Terms
from captive_portal.gateway.server import Reception
from captive_portal.gateway.web import Listener, Response, head
from tests.gateway.conftest import Clock, Portal, write_config
from tests.gateway.ruled import ruling
from tests.gateway.test_program import ROOT, free_port
from tests.gateway.town import wait_for
from tests.portal.test_readable import examine_by_day_and_night

OWN = "http://10.99.0.1:2060"
PORTAL = "https://portal.test/p/08019-plaza"
PROBES = {
    "Android": "/generate_204",
    "Android, second": "/gen_204",
    "Apple": "/hotspot-detect.html",
    "Windows": "/connecttest.txt",
    "Windows, second": "/redirect",
    "Firefox": "/canonical.html",
    "Firefox, second": "/success.txt",
    "NetworkManager": "/check_network_status.txt",
}
BLOCK = Blocked("0" * 32, "Descargó <b>sin parar</b>", "Ana R.", 1)
APPEAL = "Presidencia, ventanilla 3, 614 555 0101"
PAGES = {
    "offline": pages.offline(),
    "silent": notices.silent(),
    "had": notices.had(),
    "online": notices.online(),
    "offer": notices.offer("abc.def-_", Terms(5400, 200_000_000)),
    "emergency": notices.emergency(
        Emergency(1, "Evacúen la zona del río.\nHay albergue en la secundaria.", "Leave the river side.")
    ),
    "emergency in Spanish alone": notices.emergency(Emergency(1, "Evacúen la zona del río.")),
    "blocked": notices.blocked(BLOCK, 3 * 86_400, APPEAL),
    "blocked without end": notices.blocked(replace(BLOCK, until=0, reason=""), 0, ""),
    "malware": notices.filtered(Filter.MALWARE, APPEAL),
    "family": notices.filtered(Filter.FAMILY, ""),
} | {f"{reason} {lang}": pages.refusal(reason, lang) for reason in Reason for lang in ("es", "en", "")}


@dataclass
class Uplink:
    """A port that answers connections, or none."""

    server: socket.socket | None = None
    port: int = 0

    def open(self) -> None:
        self.server = socket.create_server(("127.0.0.1", self.port))
        self.port = self.server.getsockname()[1]

    def cut(self) -> None:
        if self.server:
            self.server.close()


@pytest.fixture
def uplink() -> Iterator[Uplink]:
    made = Uplink()
    made.open()
    yield made
    made.cut()


@pytest.fixture
def lookout(uplink: Uplink, clock: Clock) -> Lookout:
    return Lookout(partial(reach, f"http://127.0.0.1:{uplink.port}"), clock)


@pytest.fixture
def gateway(tmp_path: Path, clock: Clock, site: SiteKey, lookout: Lookout) -> Iterator[Listener]:
    ledger, journal = Ledger(tmp_path / "ledger.json", clock), Journal(tmp_path / "journal")
    rules = ruling(journal, clock)
    doorkeeper = Doorkeeper(Keyring(site), ledger, journal, clock, partial(secrets.token_urlsafe, 12), rules)
    doorkeeper.start()
    # what is behind the portal's port is all the Internet there is
    reception = Reception(doorkeeper, rules, PORTAL, OWN, OWN, lookout, lookout)
    listener = Listener(("127.0.0.1", 0), reception.plain)
    thread = Thread(target=listener.serve_forever, args=(0.05,))
    thread.start()
    yield listener
    listener.shutdown()
    listener.server_close()
    thread.join()


def ask(gateway: Listener, path: str, method: str = "GET") -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", int(gateway.server_address[1]), timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def cut(uplink: Uplink, lookout: Lookout, clock: Clock) -> None:
    """No way out for long enough."""
    uplink.cut()
    lookout.step()
    clock.seconds += 20
    lookout.step()
    assert lookout.down


@pytest.mark.parametrize(("tries_s", "down"), [([0], False), ([0, 10, 19.9], False), ([0, 20], True)])
def test_two_failures_twenty_seconds_apart_are_no_internet(tries_s: list[float], down: bool) -> None:
    backhaul = UP
    for at_s in tries_s:
        backhaul = backhaul.failed(Moment("boot", at_s))
    assert backhaul.down is down


def test_a_success_in_between_begins_the_count_anew(uplink: Uplink, lookout: Lookout, clock: Clock) -> None:
    for cut_now in (True, False, True):
        uplink.cut() if cut_now else uplink.open()
        lookout.step()
        clock.seconds += 15
    assert not lookout.down


def test_the_first_success_ends_it(uplink: Uplink, lookout: Lookout, clock: Clock) -> None:
    cut(uplink, lookout, clock)
    uplink.open()
    lookout.step()
    assert not lookout.down


def test_a_host_that_is_no_name_is_a_failure_and_no_bug(clock: Clock) -> None:
    lookout = Lookout(partial(reach, f"https://{'a' * 64}.test"), clock)
    lookout.step()
    clock.seconds += 20
    lookout.step()
    assert lookout.down


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_is_sent_to_the_portal_or_to_our_page_and_never_answered(
    gateway: Listener, uplink: Uplink, lookout: Lookout, clock: Clock, probe: str, method: str
) -> None:
    answer, body = ask(gateway, PROBES[probe], method)
    assert (answer.status, body) == (302, "")
    assert answer.getheader("Location", "").startswith(f"{PORTAL}?a=")
    cut(uplink, lookout, clock)
    answer, body = ask(gateway, PROBES[probe], method)
    assert (answer.status, answer.getheader("Location"), body) == (302, f"{OWN}/offline", "")


def test_the_page_says_when_to_come_back_and_the_way_is_free_again_at_the_first_success(
    gateway: Listener, uplink: Uplink, lookout: Lookout, clock: Clock
) -> None:
    cut(uplink, lookout, clock)
    answer, body = ask(gateway, pages.OFFLINE)
    assert (answer.status, answer.getheader("Retry-After")) == (503, "60")
    assert answer.getheader("Cache-Control") == "no-store"
    assert "Aquí no hay Internet ahora" in body
    assert '<a href="/">Intentar otra vez</a>' in body
    uplink.open()
    lookout.step()
    answer, _ = ask(gateway, pages.OFFLINE)
    assert (answer.status, answer.getheader("Location", "").partition("=")[0]) == (302, f"{PORTAL}?a")


def test_a_ticket_opens_and_leaving_shuts_also_without_a_way_out(
    gateway: Listener, uplink: Uplink, lookout: Lookout, clock: Clock, portal: Portal
) -> None:
    clock.seconds += 1
    way, _ = ask(gateway, "/")
    arrival = parse_qs(urlsplit(way.getheader("Location", "")).query)["a"][0]
    cut(uplink, lookout, clock)
    grant = f"/grant?g={portal.ticket(arrival)}"
    assert ask(gateway, grant)[0].getheader("Location") == f"{PORTAL}/online?lang=es"
    assert "Ya tienes Internet" in ask(gateway, grant)[1]
    left, _ = ask(gateway, "/leave", "POST")
    assert (left.status, left.getheader("Location")) == (303, f"{OWN}/offline")
    assert "ya se usó" in ask(gateway, grant)[1]


@pytest.mark.parametrize("fails", [False, True])
def test_it_is_tried_seldom_while_nobody_is_sent_there_and_it_is_there(clock: Clock, fails: bool) -> None:
    tries: list[float] = []

    def tried() -> None:
        tries.append(1)
        if fails:
            raise ConnectionRefusedError

    lookout, stop = Lookout(tried, clock, every_s=0.01), Event()
    thread = Thread(target=lookout.run, args=(stop,))
    thread.start()
    try:
        if fails:
            wait_for(lambda: len(tries) > 5, "one try after the other")
        else:
            wait_for(lambda: tries, "the first try")
            stop.wait(0.3)
            assert len(tries) == 1
            lookout.asked()
            wait_for(lambda: len(tries) == 2, "a try for the phone that is sent there")
    finally:
        stop.set()
        lookout.asked()
        thread.join(30)


def test_the_program_tries_its_portal(tmp_path: Path, uplink: Uplink) -> None:
    portal = f"http://127.0.0.1:{uplink.port}"
    config = write_config(
        tmp_path, listen=f"127.0.0.1:{free_port()}", portal_url=portal, edge_url="http://127.0.0.1:9"
    )
    with subprocess.Popen([sys.executable, "-m", "captive_portal.gateway", str(config)], cwd=ROOT) as program:
        try:
            assert uplink.server
            uplink.server.settimeout(60)
            uplink.server.accept()[0].close()
        finally:
            program.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_small_and_brings_no_script(name: str) -> None:
    response: Response = PAGES[name]
    assert len(head(response) + response.body) <= 4000
    assert b"<script" not in response.body
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.fixture(scope="module")
def reader(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 320, "height": 568}, bypass_csp=True)
    yield context.new_page()
    context.close()


def test_axe_finds_nothing_on_any_page_by_day_and_by_night(reader: Any) -> None:
    found: dict[tuple[str, str], list[str]] = {}
    for name, response in PAGES.items():
        reader.set_content(response.body.decode())
        found |= examine_by_day_and_night(reader, name, "")
    assert len(found) == 2 * len(PAGES)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_every_link_and_button_is_large_and_nothing_is_wider_than_a_small_screen(reader: Any) -> None:
    for name, response in PAGES.items():
        reader.set_content(response.body.decode())
        touched = [one.bounding_box() for one in reader.locator("a, button").all()]
        assert all(min(box["height"], box["width"]) >= 64 for box in touched), name
        assert reader.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_the_page_is_dark_by_night(reader: Any) -> None:
    reader.set_content(PAGES["offline"].body.decode())
    seen = []
    for scheme in ("light", "dark"):
        reader.emulate_media(color_scheme=scheme)
        seen.append(reader.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(252, 250, 245)", "rgb(13, 25, 23)"]


def test_what_is_printed_is_black_on_white_also_by_night(reader: Any) -> None:
    reader.set_content(PAGES["emergency"].body.decode())
    reader.emulate_media(color_scheme="dark", media="print")
    seen = reader.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    reader.emulate_media(media="screen")
    assert seen == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


@pytest.mark.parametrize(
    ("seconds", "es", "en"),
    [
        (1, "1 minuto", "1 minute"),
        (61, "2 minutos", "2 minutes"),
        (3600, "1 hora", "1 hour"),
        (5400, "1 hora 30 minutos", "1 hour 30 minutes"),
        (172_799, "48 horas", "48 hours"),
        (172_801, "3 días", "3 days"),
    ],
)
def test_a_length_of_time_is_told_in_words(seconds: int, es: str, en: str) -> None:
    assert (notices.span(seconds, "es"), notices.span(seconds, "en")) == (es, en)


def test_what_others_wrote_is_shown_as_text() -> None:
    body = PAGES["blocked"].body.decode()
    assert "Descargó &lt;b&gt;sin parar&lt;/b&gt;" in body
    assert "Termina en 3 días o antes." in body
    assert APPEAL in body
    assert f'<span lang="es">{APPEAL}</span>' in body, "on the English half it is marked as Spanish"
    for page in (
        notices.blocked(replace(BLOCK, reason="<i>"), 5, "<i>"), notices.filtered(Filter.FAMILY, "<i>"),
    ):  # fmt: skip
        assert b"<i>" not in page.body
    evil = notices.emergency(Emergency(1, "<script>x</script>", '"><img src=x>')).body
    assert b"<script" not in evil
    assert b"<img" not in evil
