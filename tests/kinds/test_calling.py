"""Calling a controller: every way in which it can fail, and that nobody learns a phone by it."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.calling import Entry, Line, Reply
from captive_portal.model import Done
from tests.kinds.called import (
    EACH,
    MAC,
    MAKERS,
    SOMEBODY,
    WITH_LOGIN,
    Site,
    assert_silent,
    failure,
    site,
)
from tests.kinds.controllers import DRIPS, SECRET, Handler, Said, Trouble, standing
from tests.kinds.example import GRANT, Example
from tests.kinds.omada_kind import OMADA
from tests.kinds.ruckus_smartzone_kind import RUCKUS_SMARTZONE
from tests.kinds.unifi_kind import UNIFI, UNIFI_KEYED


@pytest.fixture(autouse=True)
def _nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test here leaves an address or a secret in a log."""
    caplog.set_level("DEBUG")
    yield
    assert_silent(caplog.text)


@EACH
def test_a_tap_lets_the_phone_in_and_a_dismissal_ends_it(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        assert made.tap() == Done()
        assert MAC in made.controller.let_through()
        assert made.gateway.dismiss(SOMEBODY)
        assert not made.controller.let_through()


@EACH
def test_a_certificate_that_is_not_the_pinned_one_is_told_nothing(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.gateway = made.wired(fingerprint="00" * 32)

        assert "another certificate" in failure(made.tap)
        assert not made.there.heard


@EACH
def test_a_certificate_of_no_public_authority_is_told_nothing(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.gateway = made.wired(fingerprint="")

        assert "certificate cannot be verified" in failure(made.tap)
        assert not made.there.heard


def test_a_certificate_of_a_public_authority_is_believed_under_its_own_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site(tmp_path, UNIFI.name) as made:
        monkeypatch.setenv("SSL_CERT_FILE", str(made.there.authority))
        made.gateway = made.wired(fingerprint="")
        assert made.tap() == Done()

        made.there.heard.clear()
        made.gateway = made.wired(fingerprint="", api_url=made.there.url.replace("localhost", "127.0.0.1"))
        assert "certificate cannot be verified" in failure(made.tap)
        assert not made.there.heard


def test_a_fingerprint_is_read_as_openssl_prints_it(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI.name) as made:
        shown = made.there.fingerprint.upper()
        pairs = ":".join(shown[at : at + 2] for at in range(0, 64, 2))
        made.gateway = made.wired(fingerprint=pairs)

        assert made.tap() == Done()


@EACH
def test_a_wrong_secret_is_said_to_be_one(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.gateway = made.wired(secret=b"otra")

        assert "secret" in failure(made.tap)
        assert not made.controller.let_through()


@EACH
def test_a_controller_that_is_down_fails_the_tap(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        pass

    assert "no HTTPS with it" in failure(made.tap)
    assert "no HTTPS with it" in failure(lambda: made.gateway.dismiss(SOMEBODY))


@pytest.mark.parametrize(
    "url", ["http://localhost:8443", "localhost", "https://", "https://[::1", "https://a:b"]
)
@EACH
def test_a_controller_without_an_https_address_is_not_called(name: str, url: str) -> None:
    example = MAKERS[name][0]
    gateway = example.make(replace(example.wiring, api_url=url))

    assert "api_url" in failure(lambda: gateway.admit(gateway.read(example.query), GRANT, "es"))


@EACH
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(500, {"error": MAC}), "HTTP 500"),
        (Said(404, {}), "HTTP 404"),
        (Said(200, [MAC]), "no JSON object"),
        (Said(200, {"errorCode": MAC, "ResponseCode": MAC, "meta": MAC, "data": MAC, "result": MAC}), ""),
        (Said(200, {"data": [{"id": {}, "internalReference": "s3x9kq2p"}], "result": {"token": 3}}), ""),
    ],
    ids=["500", "404", "list", "strange", "stranger"],
)
def test_an_answer_that_is_no_yes_fails_the_tap(tmp_path: Path, name: str, said: Said, reason: str) -> None:
    with site(tmp_path, name) as made:
        made.there.trouble = lambda handler: handler.say(said)

        assert reason in failure(made.tap)


def test_what_a_server_writes_that_is_no_http_is_not_repeated(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI.name) as made:
        made.there.trouble = gibber

        assert failure(made.tap) == "controller: no HTTP with it: BadStatusLine"


def test_a_key_that_fits_in_no_header_is_not_repeated(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI_KEYED.name) as made:
        made.gateway = made.wired(secret=f"{SECRET}\n".encode())

        assert "fits in no HTTP header" in failure(made.tap)


@EACH
def test_a_redirect_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    with site(tmp_path, name) as made, standing(tmp_path / "elsewhere", made.controller) as elsewhere:
        said = Said(307, {}, {"Location": f"{elsewhere.url}/"})
        made.there.trouble = lambda handler: handler.say(said)

        assert "redirects us" in failure(made.tap)
        assert not elsewhere.heard


@EACH
def test_an_answer_without_an_end_is_not_read_to_it(tmp_path: Path, name: str) -> None:
    gone: list[int] = []
    with site(tmp_path, name) as made:
        made.there.trouble = flooding(gone)

        assert "longer than" in failure(made.tap)
        assert len(gone) < DRIPS


@pytest.mark.parametrize("drip", ["headers", "body"])
def test_an_answer_that_drips_ends_with_the_act(tmp_path: Path, drip: str) -> None:
    with site(tmp_path, UNIFI.name) as made:
        made.there.trouble = dripping(b"" if drip == "headers" else b"Content-Length: 100000\r\n\r\n")

        assert "no answer in time" in failure(lambda: talk(made, "GET", within_s=1.0))


def test_a_server_that_says_nothing_at_all_ends_with_the_act(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI.name) as made, socket.create_server(("127.0.0.1", 0)) as silent:
        made.there.url = f"https://localhost:{silent.getsockname()[1]}"

        assert "no answer in time" in failure(lambda: talk(made, "GET", within_s=0.5))


def test_a_question_is_put_again_when_the_line_breaks_but_a_command_never(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI.name) as made:
        made.there.trouble = hang_up
        failure(lambda: talk(made, "GET"))
        assert len(made.there.heard) == 2

        made.there.heard.clear()
        failure(lambda: talk(made, "POST"))
        assert len(made.there.heard) == 1


@WITH_LOGIN
def test_a_session_that_ends_in_the_middle_costs_one_new_login(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.controller.sessions.forgets = 1

        assert made.tap() == Done()
        assert made.controller.sessions.logins == 2
        assert MAC in made.controller.let_through()


@WITH_LOGIN
def test_a_session_that_ends_again_and_again_costs_no_third_login(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.controller.sessions.forgets = 9

        failure(made.tap)
        assert made.controller.sessions.logins == 2


def test_an_act_of_many_questions_has_one_new_login_too(tmp_path: Path) -> None:
    entered: list[Line] = []
    with site(tmp_path, UNIFI.name) as made:
        wiring = replace(made.example.wiring, api_url=made.there.url, fingerprint=made.there.fingerprint)
        with Line(wiring, Entry(entered.append, lambda _reply: True)) as line:
            for _ in range(3):
                line.ask("GET", "/")

    assert len(entered) == 2


@pytest.mark.parametrize("example", [UNIFI, OMADA, RUCKUS_SMARTZONE], ids=lambda example: example.name)
def test_an_access_point_of_another_site_is_not_believed(example: Example) -> None:
    (own,) = example.elsewhere
    query = "&".join(
        f"{own}=74-AC-B9-00-10-77" if pair.startswith(f"{own}=") else pair
        for pair in example.query.split("&")
    )

    with pytest.raises(ArrivalInvalid, match="access point"):
        example.make(example.wiring).read(query)


@pytest.mark.parametrize("example", [UNIFI, OMADA, RUCKUS_SMARTZONE], ids=lambda example: example.name)
@pytest.mark.parametrize("hosts", [(), ("controlador.example.mx",)], ids=["no-host", "no-access-point"])
def test_a_site_that_names_no_access_point_believes_none(example: Example, hosts: tuple[str, ...]) -> None:
    with pytest.raises(ArrivalInvalid, match="access point"):
        example.make(replace(example.wiring, hosts=frozenset(hosts))).read(example.query)


def talk(made: Site, method: str, within_s: float = 20.0) -> None:
    """One question to the stand-in, without a login."""
    wiring = replace(made.example.wiring, api_url=made.there.url, fingerprint=made.there.fingerprint)
    with Line(wiring, Entry(_welcome, _never_over), within_s) as line:
        line.ask(method, f"/?filter={MAC}", None if method == "GET" else {"mac": MAC})


def flooding(gone: list[int]) -> Trouble:
    """An answer of 48 MB that would go on; `gone` tells of each piece that went."""

    def floods(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(DRIPS):
            gone.append(handler.wfile.write(b" " * 16_384))
        handler.close_connection = True

    return floods


def dripping(start: bytes) -> Trouble:
    """An answer that comes one octet at a time, for minutes."""

    def drips(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + start)
        for _ in range(DRIPS):
            handler.wfile.write(b"x")
            time.sleep(0.02)
        handler.close_connection = True

    return drips


def gibber(handler: Handler) -> None:
    """Words that are no answer."""
    handler.wfile.write(f"hola {MAC} {SECRET}\r\n\r\n".encode())
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """No answer at all."""
    handler.close_connection = True


def _welcome(_line: Line) -> None:
    """No login."""


def _never_over(_reply: Reply) -> bool:
    return False
