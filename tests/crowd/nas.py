"""An access point's side of RFC 5176: it lets go whom the portal, by its secret, asks it to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pyrad.packet import CoAPacket, DisconnectRequest

USER_NAME: Final = 1
CALLING_STATION_ID: Final = 31


@dataclass
class Nas:
    """`let_go` are the names of whom it was told to let go: a session, or a MAC with hyphens."""

    port: int
    secret: bytes
    let_go: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"radius://127.0.0.1:{self.port}"

    def hear(self, received: bytes) -> bytes:
        """Its answer; nothing to who does not know the secret, as RFC 5176 §3.4 wants it."""
        packet = CoAPacket(secret=self.secret, packet=received)
        if packet.code != DisconnectRequest or not packet.VerifyCoARequest():
            return b""
        named = [*packet.get(USER_NAME, ()), *packet.get(CALLING_STATION_ID, ())]
        self.let_go += [name.decode() for name in named]
        answer: bytes = packet.CreateReply().ReplyPacket()
        return answer


@contextmanager
def nas(secret: bytes) -> Iterator[Nas]:
    """One that listens on the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.1)
        made, over = Nas(line.getsockname()[1], secret), threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    received, sender = line.recvfrom(4096)
                except TimeoutError:
                    continue
                if answer := made.hear(received):
                    line.sendto(answer, sender)

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield made
        finally:
            over.set()
            listener.join()
