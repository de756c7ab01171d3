"""A TCP link between the controller and a device that can be cut, go deaf or be slow."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Carries connections to `port` of this machine; `self.port` is where it listens.

    `delay_s` is added to every piece in each direction. A link that is `down` refuses who comes; a `deaf`
    one takes them in, keeps what is open, and carries nothing any more.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.delay_s = 0.0
        self.down = False
        self.deaf = False
        self.logins = 0
        self._cut_after: int | None = None
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection at once, as when a cable is pulled and a reset comes back."""
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def cut_after(self, octets: int) -> None:
        """Cut once so many more octets have gone to the device, whichever connection they are on."""
        self._cut_after = octets

    def heal(self) -> None:
        """The link is whole again; what was deaf stays dead, and is ended."""
        self.cut()
        self.down = self.deaf = False
        self.delay_s, self._cut_after = 0.0, None

    def close(self) -> None:
        """No more links."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.down:
                    near.close()
                    continue
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self.logins += 1
        try:
            far = socket.create_connection(("127.0.0.1", self._to), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for line in (near, far):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._lines += [near, far]
        back = threading.Thread(target=self._pump, args=(far, near, False), daemon=True)
        back.start()
        self._pump(near, far, True)
        back.join()
        near.close()
        far.close()

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if self.deaf:
                    continue
                sink.sendall(self._allowed(piece) if outward else piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _allowed(self, piece: bytes) -> bytes:
        """What of it still goes through before the cut."""
        if self._cut_after is None:
            return piece
        passed, self._cut_after = piece[: self._cut_after], self._cut_after - len(piece)
        if self._cut_after <= 0:
            self._cut_after = None
            threading.Thread(target=self._cut_soon, daemon=True).start()
        return passed

    def _cut_soon(self) -> None:
        time.sleep(0.02)  # what was let through arrives
        self.cut()


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """A link to a device for the length of a test."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
