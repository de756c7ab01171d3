"""Our gateway's web server at a site, on a small router: who is slow or silent gives way to who asks."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from pathlib import Path

import pytest

from captive_portal.gateway import web
from captive_portal.gateway.web import Listener, Request, Response
from tests.attacks.served import room_for, sources
from tests.gateway import certificates
from tests.need import missing

IDLE = 1_000
"""Ten times its places; ours to open and the server's are in one process here."""
NEVER_S = 600.0
"""A deadline that frees no place in this test."""

SOON_S = 20
PHONE = "127.0.0.1"
ASK = b"GET /generate_204 HTTP/1.1\r\nHost: x\r\n\r\n"


def respond(_request: Request) -> Response:
    return Response(302, {"Location": "http://portal.test/"})


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    made = Listener(("127.0.0.1", 0), respond, tls, deadline_s=NEVER_S)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def connect(listener: Listener, source: str) -> socket.socket:
    at = ("127.0.0.1", int(listener.server_address[1]))
    return socket.create_connection(at, SOON_S, source_address=(source, 0))


@contextmanager
def attackers(listener: Listener, number: int, say: bytes, froms: int) -> Iterator[None]:
    """So many connections that say this and no more, from more addresses than one may fill places."""
    with ExitStack() as held:
        for _, source in zip(range(number), cycle(sources(froms)), strict=False):
            one = held.enter_context(connect(listener, source))
            with suppress(ConnectionError):
                one.sendall(say)
        yield


def answer(caller: socket.socket) -> bytes:
    with caller:
        caller.sendall(ASK)
        return caller.recv(4096)


def test_a_thousand_idle_connections_keep_no_phone_out() -> None:
    if not room_for(IDLE):
        missing(f"needs {IDLE + 500} file descriptors: ulimit -Hn")
    with listening() as listener, attackers(listener, IDLE, b"", 90):
        for _ in range(20):
            assert answer(connect(listener, PHONE)).startswith(b"HTTP/1.1 302 ")


@pytest.mark.parametrize(
    "say",
    [b"GET / HTTP/1.1\r\nX: ", b"POST /leave HTTP/1.1\r\nContent-Length: 4000\r\n\r\nx"],
    ids=["head", "body"],
)
def test_requests_that_never_end_keep_no_phone_out(say: bytes) -> None:
    with listening() as listener, attackers(listener, 2 * web.AT_ONCE, say, 30):
        for _ in range(20):
            assert answer(connect(listener, PHONE)).startswith(b"HTTP/1.1 302 ")


@pytest.mark.parametrize("say", [b"", b"\x16\x03\x01\x02\x00"], ids=["nothing", "the beginning"])
def test_greetings_of_tls_that_never_end_keep_no_phone_out(tmp_path: Path, say: bytes) -> None:
    authority = certificates.write(tmp_path, "gateway.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    trusting = ssl.create_default_context(cafile=str(authority))
    with listening(context) as listener, attackers(listener, 2 * web.AT_ONCE, say, 30):
        for _ in range(5):
            caller = trusting.wrap_socket(connect(listener, PHONE), server_hostname="gateway.test")
            assert answer(caller).startswith(b"HTTP/1.1 302 ")
