"""A server that hangs, drips or floods costs bounded time and memory; one line says so, nothing is lost."""

import logging
import os
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metrics.errors import SinkRefused, SinkUnavailable
from metrics.forward import Forwarder, progress
from metrics.influx import InfluxSink
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.gateway import certificates
from tests.metrics import raw, scripted
from tests.metrics.samples import slot
from tests.metrics.servers import until

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = Window(0, 3600)
LINE = b"wifi_ap,ap=a up=1i 60"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RUBBISH = bytes(range(256)).replace(b"\n", b"") * 256


def sink_at(url: str, dialect: str = "v1", timeout_s: float = 0.1, ca_file: str = "") -> InfluxSink:
    return InfluxSink("far", url, "secret-token", "o", "b", dialect, timeout_s, ca_file=ca_file)


def write(sink: InfluxSink) -> object:
    sink.write(LINE)
    return None


def ask(sink: InfluxSink) -> object:
    return sink.tally(HOUR)


def start(sink: InfluxSink) -> object:
    return sink.started()


Act = Callable[[InfluxSink], object]


@pytest.mark.parametrize("act", [write, ask, start])
def test_a_server_that_never_answers_is_left_at_the_deadline(act: Act) -> None:
    gone = threading.Event()

    def behave(peer: socket.socket) -> None:
        while peer.recv(65_536):
            pass
        gone.set()

    with raw.serving(behave) as url, pytest.raises(SinkUnavailable, match="no whole answer within"):
        act(sink_at(url))
    assert gone.wait(30), "the connection is still open"


@pytest.mark.parametrize("act", [write, ask])
@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 204 No Content\r\nX-Slow: ", b"x"),
        (OK, b"x"),
        (OK, b"\n"),
        (CHUNKED, b"1\r\n\n\r\n"),
        (b"HTTP/1.1 503 Away\r\n\r\n", b"x"),
    ],
)
def test_a_server_that_answers_an_octet_at_a_time_is_left_at_the_deadline(
    act: Act, first: bytes, drop: bytes
) -> None:
    """Each octet is in time for the socket; an answer without a length that is cut must not look whole."""
    gone = threading.Event()
    with (
        raw.serving(raw.dripping(first, drop, gone)) as url,
        pytest.raises(SinkUnavailable, match="no whole answer within"),
    ):
        act(sink_at(url))
    assert gone.wait(30), "the connection is still open"


def test_a_handshake_that_drips_ends_at_the_deadline_too() -> None:
    gone = threading.Event()
    # The head of a TLS record of 16 KiB, of which no more than drops will come.
    with (
        raw.serving(raw.dripping(b"\x16\x03\x03\x40\x00", b"\x02", gone), "https") as url,
        pytest.raises(SinkUnavailable, match="no whole answer within"),
    ):
        write(sink_at(url))
    assert gone.wait(30), "the connection is still open"


def test_an_answer_over_tls_that_drips_ends_at_the_deadline_too(tmp_path: Path) -> None:
    """The socket that TLS began on is another object by then."""
    gone = threading.Event()
    authority = certificates.write(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("gateway.pem"), authority.with_name("gateway.key"))
    drip = raw.dripping(OK, b"x", gone)

    def behave(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as safe:
            drip(safe)

    with raw.serving(behave, "https") as url:
        sink = sink_at(url.replace("127.0.0.1", "localhost"), timeout_s=0.3, ca_file=str(authority))
        with pytest.raises(SinkUnavailable, match="no whole answer within"):
            ask(sink)
    assert gone.wait(30), "the connection is still open"


def test_an_answer_of_one_endless_line_ends_long_before_the_deadline() -> None:
    with (
        raw.serving(raw.flooding(OK, RUBBISH)) as url,
        pytest.raises(SinkUnavailable, match="a line of more than 8388608 octets"),
    ):
        ask(sink_at(url, timeout_s=60.0))


FLOODS = [
    pytest.param(b"", RUBBISH, id="no HTTP"),
    pytest.param(OK, RUBBISH, id="no lines"),
    pytest.param(OK, RUBBISH + b"\n", id="lines"),
    pytest.param(OK, b'{"results":[{"series":[7]}]}\n' * 1000, id="another JSON"),
    pytest.param(b"HTTP/1.1 500 Sorry\r\n\r\n", RUBBISH, id="an error"),
    pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-Head: x\r\n", id="a head"),
]


@pytest.mark.parametrize(("act", "dialect"), [(write, "v1"), (ask, "v1"), (ask, "victoriametrics")])
@pytest.mark.parametrize(("first", "rubbish"), FLOODS)
def test_a_flood_of_rubbish_is_no_answer_and_fills_no_memory(
    act: Act, first: bytes, rubbish: bytes, dialect: str
) -> None:
    with raw.serving(raw.flooding(first, rubbish)) as url:
        sink = sink_at(url, dialect)
        tracemalloc.start()
        try:
            with pytest.raises(SinkUnavailable) as caught:
                act(sink)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 40 * 2**20
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("rubbish", [RUBBISH, RUBBISH + b"\n"])
def test_a_flood_instead_of_figures_about_the_server_fills_no_memory_either(rubbish: bytes) -> None:
    with raw.serving(raw.flooding(OK, rubbish)) as url:
        tracemalloc.start()
        try:
            with pytest.raises(SinkUnavailable):
                start(sink_at(url, "victoriametrics"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 40 * 2**20


def test_a_refusal_of_a_megabyte_is_a_refusal_of_few_words() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1048576\r\n\r\n"
    flood = raw.flooding(refusal, b"no such \x1b[31mfield\n")
    with raw.serving(flood) as url, pytest.raises(SinkRefused) as caught:
        write(sink_at(url, timeout_s=5.0))
    assert caught.value.reason.startswith("400 Bad Request: no such [31mfield no such")
    assert len(caught.value.reason) < 400


def test_no_redirect_is_followed_so_no_token_goes_astray() -> None:
    with scripted.serving(scripted.Scripted(lambda _request: scripted.Answer())) as elsewhere:
        away = scripted.Answer(302, headers={"Location": f"{elsewhere.url}/write"})
        server = scripted.serving(scripted.Scripted(lambda _request: away))
        with server as here, pytest.raises(SinkUnavailable, match="302"):
            write(sink_at(here.url, timeout_s=5.0))
        assert elsewhere.requests == []


def test_a_line_too_slow_for_much_gets_less_at_a_time_until_it_gets_through() -> None:
    """A sink behind a satellite: what does not arrive in time would never, however often it is sent."""
    slow = threading.Event()

    def answer(request: scripted.Request) -> scripted.Answer:
        return scripted.Answer(hang=slow if len(request.body) > 100_000 else None)

    lines = [b"wifi_ap,ap=%d up=1i 1" % number for number in range(20_000)]
    with scripted.serving(scripted.Scripted(answer)) as server:
        sink = sink_at(server.url, timeout_s=0.5)
        failures = 0
        while True:
            try:
                sink.write(b"\n".join(lines))
                break
            except SinkUnavailable:
                failures += 1
        slow.set()
        assert failures
        assert set(server.stored) == set(lines)


def test_a_hanging_sink_is_told_once_in_the_log_and_nothing_is_lost(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    """First it hangs, then it answers rubbish, then it works."""
    release, behaviour = threading.Event(), {"now": "hang"}

    def answer(_request: scripted.Request) -> scripted.Answer:
        if behaviour["now"] == "hang":
            return scripted.Answer(hang=release, status=503)
        if behaviour["now"] == "rubbish":
            return scripted.Answer(200, os.urandom(500_000).hex())
        return scripted.Answer()

    samples = slot(60, 20)
    store.write("poller", samples)
    stop = threading.Event()
    with scripted.serving(scripted.Scripted(answer)) as server, caplog.at_level(logging.INFO, "metrics"):
        feed = Forwarder(
            store, sink_at(server.url, timeout_s=1.0), lambda: NOW, back_off=lambda _n, _asked: 0.01
        )
        thread = threading.Thread(target=feed.run, args=(stop,))
        thread.start()
        until(lambda: len(server.requests) >= 2, "it tries again")
        behaviour["now"] = "rubbish"
        until(lambda: len(server.requests) >= 6, "it goes on trying")
        behaviour["now"] = "work"
        until(lambda: not progress(store, "far").lag_batches, "everything arrives")
        stop.set()
        release.set()
        thread.join()
        assert len(server.stored) == len(samples)
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [("WARNING", "sink unavailable"), ("INFO", "sink is back")]
    assert "secret-token" not in caplog.text
