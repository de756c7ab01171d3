"""A Host that is none of the portal's gets one line, and no address is ever made from any Host."""

import re
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client, TestResponse, create_environ

from captive_portal.guest import Door, create_app
from captive_portal.hosts import LINE, Hosts
from captive_portal.portal import Portal
from controller import settings
from controller.errors import SettingsError
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.square import serving

EVIL = "evil.example"
OURS = Hosts.of({"Portal.Example.mx", "203.0.113.10", "[2001:db8::1]"})
LIES = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Proto": f"https://{EVIL}/",
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
    "Forwarded": f"host={EVIL};proto=https",
    "Referer": f"https://{EVIL}/",
    "Origin": f"https://{EVIL}",
}


def asked(host: str, path: str = "/") -> dict[str, Any]:
    return {"HTTP_HOST": host, "PATH_INFO": path}


@pytest.mark.parametrize(
    "host",
    [
        "portal.example.mx",
        "PORTAL.example.MX:8443",
        "portal.example.mx.",
        "203.0.113.10:80",
        "[2001:db8::1]",
        "[2001:DB8::1]:443",
        "localhost",
        "127.0.0.1:8080",
        "[::1]:8080",
    ],
)
def test_our_names_are_ours_on_any_port(host: str) -> None:
    assert OURS.serve(asked(host))


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            EVIL,
            "127.0.0.2",
            f"portal.example.mx.{EVIL}",
            "xportal.example.mx",
            "portal.example.mx..",
            ":80",
        ),
        *(f"portal.example.mx@{EVIL}", f"{EVIL}/portal.example.mx", f"portal.example.mx:80@{EVIL}"),
        *("portal.example.mx:", "portal.example.mx:x", "portal.example.mx:80:80", "portal.example.mx:999999"),
        *(
            " portal.example.mx",
            "portal.example.mx\n",
            "portal.example.mx,localhost",
            "[::1",
            "::1",
            "2001:db8::1",
        ),
    ],
)
def test_any_other_is_not(host: str) -> None:
    assert not OURS.serve(asked(host))


def test_whether_we_live_may_be_asked_under_any_name(world: World) -> None:
    answer = world.phone.get("/healthz", headers={"Host": "10.0.0.7"})
    assert (answer.status_code, answer.text) == (200, "ok\n")
    for near in ("/healthz/", "//healthz", "/healthz/../", "/p/healthz"):
        assert world.phone.get(near, headers={"Host": "10.0.0.7"}).status_code == 421


def rules(app: Door) -> Iterator[tuple[str, str]]:
    """Every address of the portal with every method it has."""
    for rule in app.rest.url_map.iter_rules():
        path = str(rule).replace("<key>", GUACHOCHI).replace("<language>/<page>", "es/welcome")
        for method in sorted(rule.methods or ()):
            yield method, path


def everything(world: World, app: Door) -> Iterator[TestResponse]:
    """What every address says to every method, with the arrival of a phone or without, told all the lies."""
    phone = Client(app, use_cookies=False)
    for method, path in rules(app):
        for twisted in (path, path + "/", "/" + path, path.replace("/", "//"), f"//{EVIL}{path}"):
            query = {"a": world.token(), "redir": f"https://{EVIL}/"}
            form = {"v": world.sealed()} if method == "POST" else None
            yield phone.open(twisted, method=method, headers=LIES, query_string=query, data=form)
            yield phone.open(twisted, method=method, headers=LIES)


def test_a_foreign_host_gets_one_line_before_anything_else(world: World) -> None:
    answers = list(everything(world, world.app))
    assert len(answers) > 100
    for answer in answers:
        if answer.request.path == "/healthz":
            continue
        assert answer.status_code == HTTPStatus.MISDIRECTED_REQUEST, answer.request.path
        assert answer.data == LINE
        assert set(answer.headers.keys()) <= {
            "Content-Type",
            "Content-Length",
            "Cache-Control",
            "X-Content-Type-Options",
        }
    slot = int(world.clock().timestamp()) // 60 * 60
    assert world.sessions.portal_counts(slot, slot + 60) == []


def test_an_address_without_any_path_is_not_corrected_to_the_host(world: World) -> None:
    app, said = create_app(Portal.over(world.engine, world.sites, world.clock), names={EVIL}), {}
    environ = create_environ("/", headers=LIES) | {"PATH_INFO": ""}
    page = b"".join(app(environ, lambda status, headers: said.update({status: headers})))
    assert EVIL not in f"{said} {page!r}"


def test_no_answer_holds_the_host_even_where_it_is_one_of_ours(world: World) -> None:
    """The second wall: were the first open, there would still be nothing to turn."""
    app = create_app(Portal.over(world.engine, world.sites, world.clock), names={EVIL})
    seen: set[int] = set()
    for answer in everything(world, app):
        seen.add(answer.status_code)
        assert EVIL not in str(answer.headers), answer.request.path
        assert EVIL.encode() not in answer.data, answer.request.path
        where = answer.headers.get("Location", "/p/")
        assert where.startswith(("/p/", world.sites[GUACHOCHI].wiring.api_url)), answer.request.path
    assert {200, 303, 403, 404} <= seen


def test_absolute_addresses_in_pages_are_those_of_the_settings(world: World) -> None:
    page = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}", headers={"Host": "localhost:1"})
    connect = world.phone.get(f"/p/{GUACHOCHI}", headers={"Host": "localhost:1"})
    ours = urlsplit(world.sites[GUACHOCHI].gateway_url).netloc
    for answer in (page, connect):
        found = re.findall(r"""https?://([^/"'\s;]+)""", answer.text + str(answer.headers))
        assert set(found) == {ours} or not found


def said_to(origin: str, request: bytes) -> bytes:
    """What a server answers to these octets, whatever they are."""
    place = urlsplit(origin)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_over_a_real_server_a_foreign_host_gets_its_line_and_ours_the_page(world: World) -> None:
    asking = f"GET /p/{GUACHOCHI} HTTP/1"
    foreign = (
        f"{asking}.0\r\n\r\n",
        f"{asking}.1\r\nHost: {EVIL}\r\n\r\n",
        f"{asking}.1\r\nHost: localhost\r\nHost: {EVIL}\r\n\r\n",
        f"{asking}.1\r\nHost: {EVIL}\r\nX-Forwarded-Host: localhost\r\n\r\n",
        f"GET http://{EVIL}/p/{GUACHOCHI} HTTP/1.1\r\nHost: {EVIL}\r\n\r\n",
    )
    with serving(world.app) as origin:
        answers = [said_to(origin, wrong.encode()) for wrong in foreign]
        ours = said_to(origin, f"{asking}.1\r\nHost: localhost:8080\r\n\r\n".encode())
    assert [answer.split()[1] for answer in answers] == [b"421"] * len(foreign)
    assert all(answer.endswith(LINE) and EVIL.encode() not in answer for answer in answers)
    assert ours.split()[1] == b"200"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, {"127.0.0.1"}),
        ({"PLAZA_PORTAL_LISTEN": "10.8.0.5:80"}, {"10.8.0.5"}),
        ({"PLAZA_PORTAL_URL": "https://Wifi.Example.mx/"}, {"wifi.example.mx"}),
        ({"PLAZA_PORTAL_URL": "http://[2001:db8::1]:8080"}, {"[2001:db8::1]"}),
        (
            {"PLAZA_PORTAL_URL": "https://wifi.example.mx", "PLAZA_PORTAL_HOSTS": "Old.example.mx, 10.8.0.5"},
            {"wifi.example.mx", "old.example.mx", "10.8.0.5"},
        ),
    ],
)
def test_the_names_come_from_the_settings(tmp_path: Path, environ: dict[str, str], names: set[str]) -> None:
    assert settings.load(environ, tmp_path).portal_names == names


@pytest.mark.parametrize(
    "environ",
    [
        {"PLAZA_PORTAL_HOSTS": "https://wifi.example.mx"},
        {"PLAZA_PORTAL_HOSTS": "wifi.example.mx:443"},
        {"PLAZA_PORTAL_HOSTS": "*"},
        {"PLAZA_PORTAL_URL": "wifi.example.mx"},
        {"PLAZA_PORTAL_URL": "https://wifi.example.mx/portal"},
        {"PLAZA_PORTAL_URL": "https://[::1"},
    ],
)
def test_what_would_shut_everybody_out_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        settings.load(environ, tmp_path)
