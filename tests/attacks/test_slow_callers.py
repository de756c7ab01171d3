"""Slowloris, slow bodies and 10,000 idle connections against the real portal: all others are served."""

import os
import select
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from threading import Event, Timer

import pytest

from controller import bodies
from tests.attacks.served import SITE, Served, arrival, is_page, room_for, served, sources
from tests.children import WAIT_S
from tests.need import missing, ran
from tests.town import wait_for

IDLE = 10_000
SOON_S = 30
"""Far less than granian or our deadlines would take to free a place, far more than a busy machine needs."""

ENDED_S = 45
"""The kernel keeps who is silent for some 15 s from us, then a head may take 10."""

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: "
BODY = f"POST /p/{SITE}/enter HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\nv=".encode()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not room_for(IDLE):
        missing(f"needs {IDLE + 500} file descriptors: ulimit -Hn")
    with served(tmp_path_factory.mktemp("slow"), "127.81.1") as made:
        yield made


@contextmanager
def callers(portal: Served, number: int, say: bytes, froms: Iterable[str]) -> Iterator[list[socket.socket]]:
    """So many connections that say this and no more."""
    with ExitStack() as held:
        made = []
        for _, source in zip(range(number), cycle(froms), strict=False):
            made.append(held.enter_context(portal.connect(source)))
            made[-1].sendall(say)
        yield made


def gone(caller: socket.socket) -> bool:
    """Whether the server hung up."""
    readable, _, _ = select.select([caller], [], [], 0)
    try:
        return bool(readable) and caller.recv(65536) == b""
    except ConnectionError:
        return True


def dripping(callers: list[socket.socket]) -> None:
    """One more octet of each that is still there."""
    for one in callers:
        try:
            one.sendall(b"x")
        except OSError:
            continue


def is_tap(answer: bytes) -> bool:
    """Whether the tap was judged at all; a forged one is refused."""
    return answer.startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("say", [b"G", b""], ids=["after an octet", "silent"])
def test_ten_thousand_idle_connections_shut_nobody_out(portal: Served, say: bytes) -> None:
    with callers(portal, IDLE, say, sources(4)) as idle:
        assert is_page(portal.page(wait_s=SOON_S))
        assert is_page(portal.page(f"/p/{SITE}?a={arrival()}", wait_s=SOON_S))
        assert is_tap(portal.tap("v=forged", wait_s=SOON_S))
        assert any(not gone(one) for one in idle), "they were there meanwhile"


@pytest.mark.parametrize(("hard", "most", "soft"), [(20_000, 16_000, 16_512), (4_096, 3_584, 4_096)])
def test_a_low_limit_of_descriptors_is_raised_as_far_as_it_may(hard: int, most: int, soft: int) -> None:
    script = (
        "import resource as r; from controller.connections import most_connections as most;"
        f"r.setrlimit(r.RLIMIT_NOFILE, (300, {hard})); print(most(), r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    assert ran(["-c", script], os.environ).split() == [str(most), str(soft)]


def test_who_is_slow_shuts_nobody_out_and_loses_the_place_at_the_deadline(portal: Served) -> None:
    with (
        callers(portal, 50, b"", sources(2)) as silent,
        callers(portal, 500, HEAD, sources(2)) as heads,
        callers(portal, 2 * bodies.WAITING, BODY, sources(4)) as slow,
    ):
        assert is_page(portal.page(wait_s=SOON_S))

        def ended() -> bool:
            dripping([*heads, *slow])
            return all(gone(one) for one in (*silent, *heads))

        wait_for(ended, "the end of who says nothing and of heads that drip", ENDED_S)
        wait_for(lambda: is_tap(portal.tap("v=forged", wait_s=SOON_S)), "a place for another body")


def test_many_quick_taps_at_once_from_one_address_are_all_judged(portal: Served) -> None:
    with ThreadPoolExecutor(200) as phones:
        answers = list(phones.map(lambda _: portal.tap("v=" + "x" * 3000), range(600)))
    assert [one[:40] for one in answers if not is_tap(one)] == []


class Coming:
    """A body that is here when `all_here` is set."""

    def __init__(self, all_here: Event) -> None:
        self._all_here = all_here

    def read(self, octets: int) -> bytes:
        assert self._all_here.wait(WAIT_S)
        return b"x" * octets


def test_a_body_waits_for_its_place_while_those_before_it_are_quick() -> None:
    kept, all_here = bodies.Bodies(deadline_s=2 * WAIT_S, slow_s=WAIT_S), Event()
    request = {"REMOTE_ADDR": "10.0.0.1", "SERVER_PORT": "1", "wsgi.input": Coming(all_here)}
    with ThreadPoolExecutor(bodies.WAITING_EACH) as phones:
        read = [phones.submit(kept.read, request, 1) for _ in range(bodies.WAITING_EACH)]
        wait_for(lambda: kept.is_full("10.0.0.1"), "every place to be taken")
        Timer(0.2, all_here.set).start()
        assert kept.read(request, 1) == b"x"
        assert [one.result() for one in read] == [b"x"] * bodies.WAITING_EACH


def test_bodies_that_never_end_keep_no_page_and_no_tap_from_others(portal: Served) -> None:
    with callers(portal, 2 * bodies.WAITING, BODY, ["127.0.0.9"]):
        for _ in range(bodies.AT_WORK):
            assert is_page(portal.page(wait_s=SOON_S))
            assert is_tap(portal.tap("v=forged", wait_s=SOON_S))
        own = portal.tap("v=forged", "127.0.0.9", wait_s=SOON_S)
        assert own.startswith(b"HTTP/1.1 503 "), "from their own address no more may wait"


def test_a_body_of_unknown_length_is_not_waited_for(portal: Served) -> None:
    head = f"POST /p/{SITE}/enter HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    answer = portal.ask(head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nv=abc\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")


def test_a_body_larger_than_any_form_is_refused_before_it_comes(portal: Served) -> None:
    head = f"POST /p/{SITE}/enter HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n".encode()
    assert portal.ask(head + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_nobody_reads_a_page_so_slowly_that_others_wait(portal: Served) -> None:
    with ExitStack() as held:
        ask = b"GET /audio/es/help.mp3 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 40
        for _ in range(2 * bodies.THREADS):
            caller = held.enter_context(socket.socket())
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.connect(("127.0.0.1", portal.port))
            caller.sendall(ask)
        assert is_page(portal.page(wait_s=SOON_S))
        assert is_tap(portal.tap("v=forged", wait_s=SOON_S))
