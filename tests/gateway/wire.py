"""A wire between a gateway and the controller's edge that counts what goes over it, with all headers."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

HEADERS: Final = 20 + 32
"""Octets of IPv4 and of TCP with its timestamps, each segment."""

SEGMENT: Final = 1400
SEGS_OUT, SEGS_IN = 136, 140
"""Where the kernel's `struct tcp_info` holds the segments that went and came."""


@dataclass
class Wire:
    """Calls that were carried, and octets in all, both ways."""

    calls: int = 0
    octets: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def carry(self, near: socket.socket, port: int) -> None:
        """One call, until both ends have hung up."""
        far = socket.create_connection(("127.0.0.1", port))
        ways = [threading.Thread(target=self._pass, args=pair) for pair in ((near, far), (far, near))]
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        told = near.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        segments = sum(struct.unpack_from("I", told, place)[0] for place in (SEGS_OUT, SEGS_IN))
        with self._lock:
            self.calls += 1
            self.octets += HEADERS * segments
        near.close()
        far.close()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                with self._lock:
                    self.octets += len(octets)
                sink.sendall(octets)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def wire_to(port: int) -> Iterator[tuple[int, Wire]]:
    """Its port and the wire."""
    wire, stop = Wire(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        listener.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    near, _ = listener.accept()
                    near.settimeout(None)
                    wire.carry(near, port)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], wire
        finally:
            stop.set()
            thread.join()
