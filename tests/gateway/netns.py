"""Sockets in the network namespace of another, so that what runs in a test reaches a kernel of its own."""

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")


def sockets(namespace: str) -> Callable[[int, int, int], socket.socket]:
    """What opens sockets there: a thread that goes in alone and ends."""

    def opened(family: int, kind: int, protocol: int) -> socket.socket:
        with ThreadPoolExecutor(1) as inside:
            return inside.submit(_open, namespace, family, kind, protocol).result()

    return opened


def _open(namespace: str, family: int, kind: int, protocol: int) -> socket.socket:
    libc = ctypes.CDLL(None, use_errno=True)
    with (NAMESPACES / namespace).open() as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
    return socket.socket(family, kind, protocol)
