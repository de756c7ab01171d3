"""Our poll engine for SNMPv2c inside a running asyncio loop: no task and no future per request."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from drivers.model import SnmpV2c
from drivers.snmp.dialogue import Habits
from drivers.snmp.exchange import Exchange
from drivers.snmp.seam import Failure, PollReply, PollRequest, Reason
from drivers.snmp.udp import Address, numeric_address
from drivers.snmp.wire import Wire

_RECEIVE_OCTETS: Final = 8 << 20
_FILLS_FOUR_OCTETS: Final = 1 << 24


def _random_id() -> int:
    return secrets.randbits(31) | _FILLS_FOUR_OCTETS


class Engine:
    """Polls SNMPv2c agents; implements `seam.Poller`. `random_id` gives 31-bit ids that nobody can guess."""

    def __init__(
        self, random_id: Callable[[], int] = _random_id, receive_octets: int = _RECEIVE_OCTETS
    ) -> None:
        self._random_id = random_id
        self._receive_octets = receive_octets
        self._wire: Wire | None = None
        self._habits: dict[str, Habits] = {}
        self._naming: set[asyncio.Task[None]] = set()

    @property
    def wire(self) -> Wire:
        """The sockets and what is in the air; opened in the running loop when first asked for."""
        if self._wire is None:
            loop = asyncio.get_running_loop()
            self._wire = Wire(loop, self._random_id, self._receive_octets)
        return self._wire

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """See `seam.Poller`. An SNMPv3 request ends as UNSUPPORTED."""
        replies: asyncio.Queue[PollReply] = asyncio.Queue()
        mine = [
            Exchange(request, self._habits.setdefault(request.device, Habits()), replies.put_nowait)
            for request in requests
        ]
        wire = self.wire
        try:
            for exchange in mine:
                self._enter(wire, exchange)
            for _ in mine:
                yield await replies.get()
        finally:
            for exchange in mine:
                wire.end(exchange, Failure(Reason.TIMEOUT, "the poll was abandoned"))

    async def close(self) -> None:
        """Release the sockets; polls in flight end with TIMEOUT."""
        for task in self._naming:
            task.cancel()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _enter(self, wire: Wire, exchange: Exchange) -> None:
        wire.know(exchange)
        if not isinstance(exchange.request.credentials, SnmpV2c):
            wire.end(exchange, Failure(Reason.UNSUPPORTED, "this engine speaks SNMPv2c only"))
            return
        known = numeric_address(exchange.request.endpoint)
        if known is not None:
            wire.start(exchange, *known)
            return
        task = asyncio.get_running_loop().create_task(_look_up(wire, exchange))
        self._naming.add(task)
        task.add_done_callback(self._naming.discard)


async def _look_up(wire: Wire, exchange: Exchange) -> None:
    endpoint = exchange.request.endpoint
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        detail = f"the name {endpoint.host} has no address: {error.strerror}"
        wire.end(exchange, Failure(Reason.TIMEOUT, detail))
        return
    family, _, _, _, address = found[0]
    plain: Address = (str(address[0]), int(address[1]))
    if family == socket.AF_INET6:
        scope = int(address[3]) if len(address) == 4 else 0
        plain = (str(address[0]), int(address[1]), 0, scope)
    wire.start(exchange, family, plain)
