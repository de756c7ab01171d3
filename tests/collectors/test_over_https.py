"""Over HTTPS: whom we believe, what we never say, and how each trouble is named."""

import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.patience import Patience
from controller.poller_aside import Heard
from controller.poller_http import OverHttp
from drivers.definition import load_platforms
from drivers.model import Device, Endpoint, HttpLogin, Secret, Trust
from drivers.snmp.seam import Reason
from drivers.web import MAX_OCTETS
from tests.collectors import replay_https
from tests.collectors.dialogue import SLOT, Clock, device, load
from tests.collectors.replay_https import SECRET, Says, Server, as_recorded, login, served

UNIFI = load("unifi_classic")
OMADA = load("omada")
ROUTEROS = load("routeros_rest")
DEVICES = "GET /api/s/plaza/stat/device"


@pytest.fixture
def unifi(tmp_path: Path) -> Iterator[Server]:
    with replay_https.replayed(tmp_path, UNIFI) as server:
        yield server


def ask(there: Device, over_http: OverHttp | None = None) -> Heard:
    over_http = over_http or OverHttp(lambda name: login(UNIFI))
    return over_http(there, load_platforms()[there.platform], SLOT)


def saying(status: int, body: bytes = b"{}", **headers: str) -> Says:
    return lambda heard: (status, headers, body)


def test_a_server_whose_certificate_no_authority_of_ours_signed_hears_nothing(unifi: Server) -> None:
    heard = ask(replace(unifi.device, trust=Trust(replay_https.NAME)))
    assert heard.failure is not None
    assert heard.failure.reason is Reason.UNSUPPORTED
    assert heard.failure.detail.startswith("its certificate cannot be verified: ")
    assert "`http: {fingerprint: …}`" in heard.failure.detail
    assert unifi.heard == []


def test_a_certificate_for_another_name_is_not_believed(unifi: Server) -> None:
    heard = ask(replace(unifi.device, trust=replace(unifi.device.trust, server_name="otro.test")))
    assert heard.failure is not None
    assert "otro.test" in heard.failure.detail
    assert unifi.heard == []


def test_a_pinned_certificate_is_believed_whoever_signed_it(unifi: Server, tmp_path: Path) -> None:
    heard = ask(replace(unifi.device, trust=Trust(fingerprint=fingerprint(tmp_path / "gateway.pem"))))
    assert heard.failure is None
    assert heard.collected.samples[0].fields["aps"] == 3


def test_another_certificate_than_the_pinned_one_hears_nothing(unifi: Server) -> None:
    heard = ask(replace(unifi.device, trust=Trust(fingerprint="0" * 64)))
    assert heard.failure is not None
    assert heard.failure.reason is Reason.AUTH
    assert "somebody may stand in between" in heard.failure.detail
    assert unifi.heard == []


def test_a_file_of_authorities_that_is_none_says_so(unifi: Server, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    heard = ask(replace(unifi.device, trust=Trust(ca_file=str(tmp_path / "none.pem"))))
    assert heard.failure is not None
    assert "none.pem" in heard.failure.detail


def test_a_session_is_kept_and_entered_anew_when_it_is_over(unifi: Server) -> None:
    over_http = OverHttp(lambda name: login(UNIFI))
    for _ in range(3):
        assert ask(unifi.device, over_http).failure is None
    assert unifi.paths().count("POST /api/login") == 1
    over = iter([(401, {}, b'{"meta":{"rc":"error","msg":"api.err.LoginRequired"}}')])
    recorded = as_recorded(UNIFI)
    unifi.says = lambda heard: (
        next(over, None) or recorded(heard) if "stat" in heard.path else recorded(heard)
    )
    assert ask(unifi.device, over_http).failure is None
    assert unifi.paths().count("POST /api/login") == 2


def test_a_refused_login_is_said_once_and_not_hammered(unifi: Server) -> None:
    over_http = OverHttp(lambda name: HttpLogin("plaza", Secret("wrong")))
    first, again = (ask(unifi.device, over_http) for _ in range(2))
    assert first.failure is not None
    assert (first.failure.reason, first.failure) == (Reason.AUTH, again.failure)
    assert first.failure.detail == "it refused our login over HTTPS; check credentials 'login'"
    assert unifi.paths().count("POST /api/login") == 1


def test_an_omada_token_that_is_over_is_fetched_anew(tmp_path: Path) -> None:
    over_http = OverHttp(lambda name: login(OMADA))
    with replay_https.replayed(tmp_path, OMADA) as server:
        assert ask(server.device, over_http).failure is None
        recorded, over = as_recorded(OMADA), iter([(200, {}, b'{"errorCode": -44112}')])
        server.says = lambda heard: next(over, None) or recorded(heard)
        assert ask(server.device, over_http).failure is None
    assert sum("authorize/token" in path for path in server.paths()) == 2


def test_half_of_the_answers_are_kept_with_the_reason_why_it_is_not_all(tmp_path: Path) -> None:
    with replay_https.replayed(tmp_path, OMADA) as server:
        recorded = as_recorded(OMADA)
        server.says = lambda heard: (200, {}, b"<html>") if "/radios" in heard.path else recorded(heard)
        heard = ask(server.device, OverHttp(lambda name: login(OMADA)))
    assert heard.failure is not None
    assert heard.failure.detail == "its answer is no JSON"
    own, kiosk, *_ = heard.collected.samples
    assert (own.fields["aps"], kiosk.fields["clients"]) == (2, 4)


def test_a_line_that_breaks_is_tried_once_more_and_a_login_never(unifi: Server) -> None:
    recorded, broken = as_recorded(UNIFI), iter([None])
    unifi.says = lambda heard: next(broken, recorded(heard)) if "stat" in heard.path else recorded(heard)
    assert ask(unifi.device).failure is None
    assert unifi.paths().count(DEVICES) == 2
    unifi.says = lambda heard: None if "login" in heard.path else recorded(heard)
    heard = ask(unifi.device)
    assert heard.failure is not None
    assert heard.failure.reason is Reason.TIMEOUT
    assert unifi.paths().count("POST /api/login") == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(status: int, tmp_path: Path) -> None:
    with served(tmp_path, device(ROUTEROS), saying(status, Location="/rest/elsewhere")) as server:
        heard = ask(server.device)
    assert heard.failure is not None
    assert heard.failure.detail == f"it redirects us (HTTP {status}), which we never follow"
    assert server.paths() == ["GET /rest/system/resource"]


@pytest.mark.parametrize(
    ("says", "reason", "detail"),
    [
        (saying(429), Reason.TIMEOUT, "it asks us to come again later (HTTP 429)"),
        (saying(503), Reason.TIMEOUT, "it asks us to come again later (HTTP 503)"),
        (saying(403), Reason.AUTH, "it refused our login over HTTPS"),
        (saying(418), Reason.ERROR, "it answers with HTTP 418"),
        (saying(200, b"\xff\xfe"), Reason.ERROR, "its answer is no JSON"),
        (saying(200, b"[" * 100_000), Reason.ERROR, "its answer is no JSON"),
        (saying(200, b"[]"), Reason.ERROR, "it told no /system resource"),
        (saying(200, b"1" * (MAX_OCTETS + 1)), Reason.ERROR, "its answer is longer than"),
    ],
)
def test_every_other_answer_has_its_name(says: Says, reason: Reason, detail: str, tmp_path: Path) -> None:
    with served(tmp_path, device(ROUTEROS), says) as server:
        heard = ask(server.device)
    assert heard.failure is not None
    assert heard.failure.reason is reason
    assert heard.failure.detail.startswith(detail)
    assert heard.collected.samples[0].fields["up"] == 0


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A server that treats each caller so, on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    caller = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=talk, args=(caller,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def drip(caller: socket.socket) -> None:
    """A TLS record of 16 KiB, an octet at a time."""
    try:
        caller.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            caller.sendall(b"\x02")
            time.sleep(0.02)
    except OSError:
        caller.close()


@pytest.mark.parametrize("talk", [drip, lambda caller: None, lambda caller: caller.close()])
def test_nobody_keeps_us_longer_than_the_deadline(talk: Callable[[socket.socket], None]) -> None:
    over_http = OverHttp(lambda name: login(ROUTEROS), deadline_s=1.0)
    with listening(talk) as endpoint:
        started_s = time.monotonic()
        heard = ask(replace(device(ROUTEROS), http=endpoint), over_http)
    assert time.monotonic() - started_s < 10
    assert heard.failure is not None
    assert heard.failure.reason is Reason.TIMEOUT
    assert heard.failure.detail.startswith(f"no HTTPS at {endpoint}: ")


@pytest.mark.parametrize("name", ["unifi_classic", "unifi_os_key", "omada", "cnmaestro", "routeros_rest"])
def test_the_secret_is_in_no_answer_of_ours_whatever_goes_wrong(name: str, tmp_path: Path) -> None:
    """A server that says our secret back, in every place it can, and a secret that no header can carry."""

    said = json.dumps({"error": SECRET, "accessToken": SECRET}).encode()
    answers = (
        saying(200, said, **{"Set-Cookie": f"a={SECRET}"}),
        saying(400, SECRET.encode()),
        saying(500, SECRET.encode()),
    )
    for secret in (SECRET, f"{SECRET}\nX: 1", f"{SECRET}ñ€"):
        pair = HttpLogin("plaza", Secret(secret))
        known = HttpLogin(token=Secret(secret)) if name == "unifi_os_key" else pair
        over_http = OverHttp(lambda name, known=known: known)
        with served(tmp_path, device(load(name)), saying(200)) as server:
            for server.says in answers:
                heard = ask(server.device, over_http)
                assert SECRET not in repr(heard) + repr(over_http) + repr(known)


def test_a_silent_controller_is_asked_more_rarely() -> None:
    clock, calls = Clock(), list[float]()
    over_http = OverHttp(lambda name: login(ROUTEROS), Patience(clock), deadline_s=5.0)

    def turn_away(caller: socket.socket) -> None:
        calls.append(clock.now_s)
        caller.close()

    with listening(turn_away) as endpoint:
        for clock.now_s in range(0, 180, 30):
            ask(replace(device(ROUTEROS), http=endpoint), over_http)
    assert sorted(set(calls)) == [0, 30, 60, 120]


def fingerprint(certificate: Path) -> str:
    """As the inventory holds it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
