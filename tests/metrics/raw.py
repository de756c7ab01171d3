"""A server of plain sockets: what no HTTP library would say."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket], None]


@contextmanager
def serving(behave: Behaviour, scheme: str = "http") -> Iterator[str]:
    """The address of a server that does the same with every connection, each in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, behave), daemon=True).start()
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, behave: Behaviour) -> None:
    with suppress(OSError):
        while True:
            threading.Thread(target=_one, args=(listener.accept()[0], behave), daemon=True).start()


def _one(peer: socket.socket, behave: Behaviour) -> None:
    with peer, suppress(OSError):
        behave(peer)


def asked(peer: socket.socket) -> bytes:
    """The head of a request and what came with it."""
    found = b""
    while b"\r\n\r\n" not in found and (more := peer.recv(65_536)):
        found += more
    return found


def dripping(first: bytes, drop: bytes, gone: threading.Event) -> Behaviour:
    """`first` at once, then `drop` for ever, always before a socket's own timeout has passed."""

    def behave(peer: socket.socket) -> None:
        peer.recv(65_536)
        peer.sendall(first)
        try:
            while True:
                peer.sendall(drop)
                gone.wait(0.02)
        except OSError:
            gone.set()

    return behave


def flooding(first: bytes, rubbish: bytes) -> Behaviour:
    """`first`, then rubbish without an end."""

    def behave(peer: socket.socket) -> None:
        asked(peer)
        peer.sendall(first)
        while True:
            peer.sendall(rubbish)

    return behave
