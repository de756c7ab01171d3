"""The HTTP server of the gateway against rude callers, over real sockets."""

import contextlib
import io
import logging
import select
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateway import web
from captive_portal.gateway.errors import AddressTaken
from captive_portal.gateway.web import Listener, Request, Response, Unreadable, parse
from tests.gateway.town import wait_for


def respond(request: Request) -> Response:
    if request.path == "/bug":
        raise KeyError("what the phone said")
    return Response(200, {"X-Path": request.path}, f"{request.method} {request.query}".encode())


@contextlib.contextmanager
def listening(deadline_s: float = web.DEADLINE_S) -> Iterator[Listener]:
    made = Listener(("127.0.0.1", 0), respond, deadline_s=deadline_s)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as made:
        yield made


def connect(listener: Listener, source: str = "127.0.0.1") -> socket.socket:
    port = int(listener.server_address[1])
    return socket.create_connection(("127.0.0.1", port), 30, source_address=(source, 0))


def say(listener: Listener, *parts: bytes, end: bool = False) -> bytes:
    """What the server answers to these octets, until it hangs up."""
    with connect(listener) as caller:
        for part in parts:
            caller.sendall(part)
        if end:
            caller.shutdown(socket.SHUT_WR)
        heard = io.BytesIO()
        with contextlib.suppress(ConnectionResetError):
            while chunk := caller.recv(4096):
                heard.write(chunk)
        return heard.getvalue()


def test_a_request_in_pieces_is_read_whole(listener: Listener) -> None:
    answer = say(listener, b"GET /a?b=c HT", b"TP/1.1\r\nHost: x\r\n", b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nGET b=c")
    assert b"Cache-Control: no-store" in answer
    assert b"Connection: close" in answer


def test_a_body_is_swallowed_so_that_the_answer_arrives(listener: Listener) -> None:
    answer = say(listener, b"POST /leave HTTP/1.1\r\nContent-Length: 4000\r\n\r\n", b"x" * 4000)
    assert answer.endswith(b"POST ")


def test_head_gets_no_body(listener: Listener) -> None:
    assert say(listener, b"HEAD /a?b HTTP/1.1\r\n\r\n").endswith(
        b"Content-Length: 6\r\nConnection: close\r\n\r\n"
    )


def test_what_a_proxy_would_ask_is_understood(listener: Listener) -> None:
    assert b"X-Path: /p" in say(listener, b"GET http://example.test/p?q HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"GET / SPDY/3\r\n\r\n", b"400"),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000, b"431"),
    ],
)
def test_nonsense_gets_a_status_and_no_more(listener: Listener, request_: bytes, status: bytes) -> None:
    assert say(listener, request_).split(b" ")[1] == status


def test_a_caller_that_says_nothing_is_dropped() -> None:
    with listening(deadline_s=0.3) as listener:
        assert say(listener) == b""


def test_a_caller_that_drips_is_dropped_at_the_deadline() -> None:
    with (
        listening(deadline_s=1.0) as listener,
        connect(listener) as slow,
    ):

        def dropped() -> bool:
            try:
                slow.sendall(b"x")
                return bool(select.select([slow], [], [], 0.1)[0])
            except OSError:
                return True

        wait_for(dropped, "the caller to be dropped")


def test_one_phone_cannot_take_all_places(listener: Listener) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(web.AT_ONCE_EACH):
            held.enter_context(connect(listener))
        wait_for(lambda: say(listener, b"GET / HTTP/1.1\r\n\r\n") == b"", "its places to be full")
        other = connect(listener, "127.0.0.2")
        with held.enter_context(other):
            other.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert other.recv(4096).startswith(b"HTTP/1.1 200"), "another phone is served"
    wait_for(lambda: say(listener, b"GET / HTTP/1.1\r\n\r\n"), "its places to be given back")


def test_a_bug_costs_one_request_and_is_told_without_what_the_phone_said(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert say(listener, b"GET /bug?secret HTTP/1.1\r\n\r\n") == b""
        assert say(listener, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")
        wait_for(lambda: caplog.records, "the record of the bug")
    (record,) = caplog.records
    told = str(vars(record))
    assert "KeyError" in told
    assert "what the phone said" not in record.getMessage() + str(vars(record)["error"])
    assert "127.0.0.1" not in told


def test_a_taken_address_is_one_line(listener: Listener) -> None:
    ip, port = listener.server_address[:2]
    with pytest.raises(AddressTaken, match=rf"^cannot listen on {ip!s}:{port}: Address already in use$"):
        Listener((str(ip), int(port)), respond)


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_whatever_is_said_is_read_or_refused(lines: str) -> None:
    with contextlib.suppress(Unreadable):
        request, expected = parse(lines, "127.0.0.1")
        assert 0 <= expected <= web.BODY_OCTETS
        assert request.method.isupper()


def test_a_request_shows_neither_its_caller_nor_its_query() -> None:
    shown = repr(Request("GET", "/p", "a=secret", "10.99.0.51"))
    assert "secret" not in shown
    assert "10.99" not in shown


def test_nobody_waits_for_a_silent_caller(listener: Listener) -> None:
    with connect(listener) as silent:
        for _ in range(20):
            assert say(listener, b"GET / HTTP/1.1\r\n\r\n")
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)
