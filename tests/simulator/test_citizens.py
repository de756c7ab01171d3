"""Virtual citizens walk the real way: probe, redirect, page, button, grant, online, good-bye."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from simulator.walk import Form, Page, Phone, WalkFailed, come_online, find_form, leave
from tests.simulator.lab import Simulator, until

PAGE = """<!doctype html><title>Chihuahua Gratis</title>
<form action="/search"><input name="q"><button>Buscar</button></form>
<p><a href="?lang=en">English</a></p>
<form method=POST action="enter?x=1"><input type=hidden name=a value="sealed&amp;signed">
<input type="hidden" name="lang" value="es"><button>Entrar</button></form>"""
Seen = Counter[tuple[str, str]]


class Town:
    """A gateway and a portal as small as the contract allows; who came from where, and what they did."""

    def __init__(self) -> None:
        self.seen: Seen = Counter()
        self.sources: set[str] = set()
        self.inside: set[str] = set()
        self.page = PAGE
        self.grant_status = 303
        self.gateway = self.serve(self.at_gateway)
        self.portal = self.serve(self.at_portal)

    def serve(self, answer: Callable[[Any], tuple[int, str, str]]) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, location, body = answer(self)
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def url(self, server: ThreadingHTTPServer) -> str:
        return f"http://127.0.0.1:{server.server_address[1]}"

    def at_gateway(self, request: Any) -> tuple[int, str, str]:
        path, source = urlsplit(request.path).path, request.client_address[0]
        self.seen[request.command, path] += 1
        if (request.command, path) == ("POST", "/leave"):
            self.inside.discard(source)
            return 200, "", "bye"
        if path == "/grant":
            if self.grant_status == 303:
                self.inside.add(source)
            return self.grant_status, self.url(self.portal) + "/p/plaza/online", ""
        assert (path, request.headers["Host"]) == ("/generate_204", "connectivitycheck.gstatic.com")
        self.sources.add(source)
        return 302, f"{self.url(self.portal)}/p/plaza/?a=arrival", ""

    def at_portal(self, request: Any) -> tuple[int, str, str]:
        parts = urlsplit(request.path)
        self.seen[request.command, parts.path] += 1
        if (request.command, parts.path) == ("POST", "/p/plaza/enter"):
            given = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
            assert given == {"a": ["sealed&signed"], "lang": ["es"]}
            return 303, self.url(self.gateway) + "/grant?g=ticket", ""
        return 200, "", self.page if parts.path == "/p/plaza/" else "online"


@pytest.fixture
def town_hall() -> Iterator[Town]:
    made = Town()
    yield made
    for server in (made.gateway, made.portal):
        server.shutdown()
        server.server_close()


@contextmanager
def people(simulator: Simulator, gateway_url: str, **rates: Any) -> Iterator[Simulator]:
    usual = {"site": "plaza", "gateway_url": gateway_url, "source": "127.9.1.0/24"}
    simulator.spec["citizens"] = [usual | {"arrivals_per_minute": 900, "mean_stay_s": 1.5} | rates]
    yield simulator.start()


def test_one_walk_ends_online_and_a_leave_ends_it(town_hall: Town) -> None:
    phone, gateway = Phone("127.9.1.7", "es-MX"), town_hall.url(town_hall.gateway)
    come_online(phone, gateway)
    assert town_hall.inside == {"127.9.1.7"}
    assert town_hall.seen == Counter(
        {
            ("GET", "/generate_204"): 1,
            ("GET", "/p/plaza/"): 1,
            ("POST", "/p/plaza/enter"): 1,
            ("GET", "/grant"): 1,
            ("GET", "/p/plaza/online"): 1,
        }
    )
    leave(phone, gateway)
    assert town_hall.inside == set()


def test_citizens_come_stay_and_go(simulator: Simulator, town_hall: Town) -> None:
    with people(simulator, town_hall.url(town_hall.gateway)):

        def counts() -> dict[str, Any]:
            return dict(simulator.order(op="status")["citizens"]["plaza"])

        until(lambda: counts()["left"] > 5 and counts()["vanished"] > 2, "people who left")
        seen = until(lambda: counts()["online"] > 0 and counts(), "people online")
        assert seen["failed"] == {}
        status = simulator.order(op="status")
        assert status["citizens_online"] == status["citizens"]["plaza"]["online"]
        assert simulator.stop()[1] == "", "nothing to say when all goes well"
    assert len(town_hall.sources) > 5, "each with an address of its own"
    assert all(ip_address(source) in ip_network("127.9.1.0/24") for source in town_hall.sources)
    assert town_hall.seen["POST", "/leave"] > 5


def test_a_full_network_turns_people_away_and_says_so(simulator: Simulator, town_hall: Town) -> None:
    with people(simulator, town_hall.url(town_hall.gateway), source="127.9.1.0/30", mean_stay_s=1e6):

        def failed() -> dict[str, int]:
            return dict(simulator.order(op="status")["citizens"]["plaza"]["failed"])

        until(
            lambda: failed().get("no free source address; use a wider source network", 0) > 3, "a full house"
        )
        assert simulator.order(op="status")["citizens_online"] == 2


def refuse_grants(town: Town) -> None:
    town.grant_status = 403


def lose_the_button(town: Town) -> None:
    town.page = PAGE.replace("<button>Entrar</button>", "")


def two_buttons(town: Town) -> None:
    town.page = PAGE + PAGE


FAILURES = [
    (refuse_grants, "gateway refused with 403"),
    (lose_the_button, "portal page has 0 forms to send instead of 1"),
    (two_buttons, "portal page has 2 forms to send instead of 1"),
]


@pytest.mark.parametrize(("spoil", "kind"), FAILURES, ids=[kind for _, kind in FAILURES])
def test_a_failure_is_counted_and_logged_once_without_anybody_s_address(
    simulator: Simulator, town_hall: Town, spoil: Callable[[Town], None], kind: str
) -> None:
    spoil(town_hall)
    with people(simulator, town_hall.url(town_hall.gateway)):
        until(lambda: simulator.order(op="status")["citizens"]["plaza"]["failed"].get(kind, 0) > 3, kind)
        assert simulator.order(op="status")["citizens_online"] == 0
        status, said = simulator.stop()
    assert status == 0
    assert said.count(kind) == 1
    assert "127." not in said


def test_a_gateway_that_is_not_there_is_counted_and_people_come_in_when_it_is_back(
    simulator: Simulator, town_hall: Town
) -> None:
    gateway = town_hall.url(town_hall.gateway)
    town_hall.gateway.shutdown()
    town_hall.gateway.server_close()
    with people(simulator, gateway):

        def site() -> dict[str, Any]:
            return dict(simulator.order(op="status")["citizens"]["plaza"])

        until(lambda: any("gateway unreachable" in kind for kind in site()["failed"]), "a failure")
        class_ = town_hall.gateway.RequestHandlerClass
        town_hall.gateway = ThreadingHTTPServer(("127.0.0.1", urlsplit(gateway).port or 0), class_)
        threading.Thread(target=town_hall.gateway.serve_forever, daemon=True).start()
        until(lambda: site()["admitted"] > 0, "an admission")


def test_redirects_in_a_circle_end(town_hall: Town) -> None:
    town_hall.at_portal = lambda request: (302, request.path, "")  # type: ignore[method-assign]
    circle = town_hall.serve(lambda request: (302, request.path, ""))
    with pytest.raises(WalkFailed, match="redirects lead nowhere"):
        come_online(Phone("127.9.1.7", "es"), town_hall.url(circle))
    circle.shutdown()
    circle.server_close()


def test_a_form_is_read_as_a_browser_reads_it() -> None:
    html = (
        '<form method="post"><input type="hidden" name="a" value="1"><input name="empty">'
        '<input type="submit" name="go" value="Sí"><button name="other" value="2">No</button></form>'
    )
    form = find_form(Page("http://portal/p/x?a=1", 200, "", html))
    assert form == Form("http://portal/p/x?a=1", (("a", "1"), ("go", "Sí")))
