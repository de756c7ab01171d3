"""Many phones at once, from the other core: each thread keeps one connection open and asks one by one."""

import os
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bench.poll.child import ClientFailed
from bench.poll.machine import FARM_CORE
from bench.portal.phone import PATIENCE_S
from bench.portal.serving import HOST, Served

AT_ONCE: Final = 16
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_PIECE: Final = 65536


@dataclass(frozen=True, slots=True)
class Cost:
    """What some requests cost a server: CPU of all of its processes, and of the answers their statuses."""

    requests: int
    cpu_s: float
    wall_s: float
    statuses: dict[int, int]

    @property
    def cpu_ms(self) -> float:
        """Of one request."""
        return self.cpu_s / self.requests * 1000


def cost(server: Served, requests: Sequence[bytes], wanted: int) -> Cost:
    """Ask all of them and wait for every answer. Raises ClientFailed when one has another status."""
    started_s, used_s = time.perf_counter(), server.cpu_s()
    with ThreadPoolExecutor(AT_ONCE, initializer=_elsewhere) as pool:
        parts = pool.map(lambda part: _ask(server.port, part), _dealt(requests))
        statuses = sum(parts, Counter[int]())
    found = Cost(len(requests), server.cpu_s() - used_s, time.perf_counter() - started_s, dict(statuses))
    if set(statuses) != {wanted}:
        raise ClientFailed(f"of {len(requests):,} requests these had the statuses {found.statuses}")
    return found


def request(server: Served, target: str, headers: Mapping[str, str], form: bytes | None = None) -> bytes:
    """A GET, or a POST of a form, as octets."""
    more = {"Host": f"{HOST}:{server.port}", **headers}
    if form is not None:
        more |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}
    head = f"{'GET' if form is None else 'POST'} {target} HTTP/1.1\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in more.items()) + "\r\n").encode() + (
        form or b""
    )


def _dealt(requests: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [requests[number::AT_ONCE] for number in range(AT_ONCE)]


def _elsewhere() -> None:
    """This thread leaves the server's core alone."""
    os.sched_setaffinity(0, {FARM_CORE})


def _ask(port: int, requests: Sequence[bytes]) -> Counter[int]:
    found: Counter[int] = Counter()
    if not requests:
        return found
    with socket.create_connection((HOST, port), PATIENCE_S) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in requests:
            line.sendall(one)
            found[_answered(line)] += 1
    return found


def _answered(line: socket.socket) -> int:
    """The status of the next answer, read to its end; 0 when there is none."""
    said = b""
    while _END not in said:
        piece = line.recv(_PIECE)
        if not piece:
            return 0
        said += piece
    head, _, body = said.partition(_END)
    _, _, length = head.lower().partition(_LENGTH)
    missing = int(length.split(b"\r\n", 1)[0] or 0) - len(body)
    while missing > 0:
        missing -= len(line.recv(_PIECE) or b"x" * missing)
    return int(head.split(b" ", 2)[1])
