"""The real portal's log while everything that a stranger can write is poison: not a word of it gets there."""

import json
import logging
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from captive_portal.gateway.__main__ import JsonLines as GatewayLines
from controller.logs import JsonLines
from tests.attacks.poison import LINES, MARK
from tests.attacks.served import IP, KEY, MAC, SITE, Served, arrival, is_page, served
from tests.kinds.examples import EXAMPLES

HEADERS = ("Host", "User-Agent", "Referer", "X-Forwarded-For", "Forwarded", "Accept-Language", "Cookie")
PATHS = (
    "/{0}",
    "/p/{0}",
    "/p/" + SITE + "/{0}",
    "/s/{0}",
    "/audio/{0}/welcome.mp3",
    "/p/{0}/enter",
    "/api/{0}",
)
NAMES = sorted(
    {name for one in EXAMPLES for name, _ in parse_qsl(one.query)}
    | {"a", "v", "s", "g", "c", "lang", "m", "code"}
)
CODE = "7KQM-93XF-T4WD"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("logged"), "127.82.1", PLAZA_LOG_LEVEL="DEBUG") as made:
        yield made


@pytest.fixture(scope="module")
def poisoned(portal: Served) -> str:
    """What was logged meanwhile."""
    host = f"Host: 127.0.0.1:{portal.port}".encode()
    for line in LINES:
        spelt = quote(line[:1500])
        for path in PATHS:
            for method in ("GET", "POST"):
                portal.ask(request(method, path.format(spelt), host))
        for header in HEADERS:
            raw = line.replace("\r\n", " ").replace("\x00", "").encode()
            told = [host] if header != "Host" else []
            portal.ask(request("GET", f"/p/{SITE}?a={spelt}", *told, header.encode() + b": " + raw))
        for at in range(0, len(NAMES), 8):
            fields = dict.fromkeys(NAMES[at : at + 8], line[:300])
            portal.page(f"/p/{SITE}?{urlencode(fields)}")
            portal.page(f"/p/{SITE}/online?{urlencode(fields)}")
            portal.page(f"/p/{SITE}/renew?{urlencode(fields)}")
            portal.tap(urlencode(fields))
        portal.ask(line.encode() + b"\r\n\r\n")
        portal.ask(request("GET", "/", host).replace(b"\r\n", line.encode()[:99] + b"\r\n", 1))
    assert is_page(portal.page())
    return portal.said()


def request(method: str, path: str, *headers: bytes) -> bytes:
    head = [f"{method} {path} HTTP/1.1".encode(), *headers, b"Connection: close", b"Content-Length: 0"]
    return b"\r\n".join([*head, b"", b""])


def test_nothing_that_a_stranger_wrote_is_in_any_line(poisoned: str) -> None:
    assert MARK not in poisoned
    assert "forged" not in poisoned


def test_every_line_is_one_object_of_letters_that_do_nothing(poisoned: str) -> None:
    lines = poisoned.splitlines()
    assert len(lines) > len(LINES), "that arrivals were refused is told"
    assert "arrival refused" in poisoned
    for line in lines:
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict), line


def test_no_address_no_code_and_no_token_of_a_citizen_is_in_any_line(portal: Served) -> None:
    before = len(portal.said())
    page = portal.page(f"/p/{SITE}?a={arrival()}").decode()
    token = page.partition('name="v" value="')[2].partition('"')[0]
    assert len(token) > 100
    answer = portal.tap(urlencode({"v": token, "code": CODE})).decode()
    assert answer.startswith("HTTP/1.1 303 ")
    ticket = answer.partition("/grant?g=")[2].partition("\r\n")[0]
    portal.page(f"/p/{SITE}/renew?a={arrival()}&g={ticket}")
    portal.tap(urlencode({"v": token[:-9], "mac": MAC, "code": CODE}))
    portal.page(f"/p/{SITE}?client_mac={MAC}&client_ip={IP}&c={CODE}")
    said = portal.said()[before:]
    assert said, "a refusal is told"
    for secret in (
        MAC,
        quote(MAC),
        MAC.replace(":", ""),
        IP,
        CODE,
        KEY,
        arrival()[:40],
        token[:40],
        ticket[:40],
    ):
        assert secret not in said


@pytest.mark.parametrize("lines", [JsonLines(), GatewayLines()], ids=["controller", "gateway"])
@pytest.mark.parametrize("value", LINES, ids=range(len(LINES)))
def test_a_value_in_a_line_is_whole_and_cannot_leave_its_place(lines: logging.Formatter, value: str) -> None:
    record = logging.LogRecord("x", logging.WARNING, "file", 1, "message", None, None)
    record.site = value
    line = lines.format(record)
    assert line.isprintable()
    assert json.loads(line)["site"] == value
