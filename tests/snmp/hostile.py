"""A small SNMPv2c agent for tests, whose answers each test bends as it likes."""

import socket
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType

from drivers.snmp.ber import BerError, Message, Tag, VarBind, Verb, decode, encode
from drivers.snmp.seam import Oid, Value

Mib = Mapping[Oid, tuple[Tag, Value]]
Sent = Iterable[bytes]
Behaviour = Callable[[Message, Mib], Sent]

SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)
SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
IF_DESCR: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
IF_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)

MIB: Mib = {
    SYS_DESCR: (Tag.OCTETS, b"an agent in a test"),
    SYS_NAME: (Tag.OCTETS, b"ap-1"),
    **{(*IF_DESCR, row): (Tag.OCTETS, f"eth{row}".encode()) for row in range(1, 8)},
    **{(*IF_IN, row): (Tag.COUNTER64, (1 << 40) + row) for row in range(1, 8)},
}


def respond(asked: Message, mib: Mib) -> Message:
    """What an honest agent says."""
    if asked.verb == Verb.GET:
        found = [_get(name, mib) for name, _, _ in asked.varbinds]
    else:
        found = list(_successors(asked, mib))
    return replace(asked, verb=Verb.RESPONSE, status=0, index=0, varbinds=found)


def error(asked: Message, status: int, index: int = 0) -> Message:
    """An error response, with the varbinds of the request."""
    return replace(asked, verb=Verb.RESPONSE, status=status, index=index)


def honest(asked: Message, mib: Mib) -> Sent:
    """Answers rightly."""
    return [encode(respond(asked, mib))]


class Agent:
    """Serves on its own thread until the block ends; `requests` are those it understood."""

    def __init__(
        self, behaviour: Behaviour = honest, mib: Mib = MIB, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._behaviour = behaviour
        self._mib = dict(sorted(mib.items()))
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((host, port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.requests: list[Message] = []
        self.peer: tuple[str, int] = ("", 0)

    def __enter__(self) -> "Agent":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (self.host, self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, self.peer = self._socket.recvfrom(65535)
            if not datagram:
                return
            try:
                asked = decode(datagram)
            except BerError:
                continue
            self.requests.append(asked)
            for answer in self._behaviour(asked, self._mib):
                self._socket.sendto(answer, self.peer)


def _get(name: Oid, mib: Mib) -> VarBind:
    tag, value = mib.get(name, (Tag.NO_SUCH_OBJECT, None))
    return name, tag, value


def _successors(asked: Message, mib: Mib) -> Iterable[VarBind]:
    names = list(mib)
    rows = asked.index if asked.verb == Verb.BULK else 1
    at = [name for name, _, _ in asked.varbinds]
    for _ in range(rows):
        for column, name in enumerate(at):
            position = bisect_right(names, name)
            if position == len(names):
                yield name, Tag.END_OF_MIB_VIEW, None
            else:
                at[column] = names[position]
                yield _get(names[position], mib)
