"""How many connections a process of ours may hold, and the end of those whose callers are slow or gone."""

import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_ESTABLISHED: Final = 1
_LAST_DATA_SENT: Final = 44
"""Where `struct tcp_info` (linux/tcp.h) holds how many milliseconds ago data was sent, or the start."""

_INFO_OCTETS: Final = 104
_MOST: Final = 16_000
_KEPT_BACK: Final = 512
"""Descriptors of a process that are no connections of callers."""


def most_connections() -> int:
    """How many connections a process that serves may hold: more than 10,000 where descriptors allow it.

    Raises our soft limit of descriptors as far as that needs; our children inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _KEPT_BACK
    room = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < room:
        resource.setrlimit(resource.RLIMIT_NOFILE, (room, hard))
    return max(_KEPT_BACK, room - _KEPT_BACK)


def close_stalled(port: int, after_s: float) -> int:
    """Close the callers' connections to our port that got nothing from us for so long; how many.

    One that rests between two requests is closed too, which costs its browser nothing. Linux only.
    """
    closed = 0
    for one in _own_sockets():
        with one:
            if _waits(one, port, after_s):
                one.shutdown(socket.SHUT_RDWR)
                closed += 1
    return closed


def _own_sockets() -> Iterator[socket.socket]:
    """Every socket of this process, under a descriptor of our own."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it was closed in between, or is no socket
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                yield socket.socket(fileno=os.dup(int(name)))


def _waits(one: socket.socket, port: int, after_s: float) -> bool:
    if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
        return False
    try:
        if one.getsockname()[1] != port:
            return False
        info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_OCTETS)
    except OSError:
        return False
    (since_ms,) = struct.unpack_from("I", info, _LAST_DATA_SENT)
    return info[0] == _ESTABLISHED and since_ms >= after_s * 1000
