"""Our poll engine inside a running asyncio loop: v1, v2c and v3, no task and no future per request."""

import asyncio
import secrets
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.model import SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.ber import ID_OCTETS, Version
from drivers.snmp.dialogue import Dialogue
from drivers.snmp.envelope import CommunityEnvelope, Envelope
from drivers.snmp.exchange import Exchange
from drivers.snmp.habits import Habits
from drivers.snmp.seam import Failure, Learned, PollReply, PollRequest, Reason
from drivers.snmp.session import UserEnvelope
from drivers.snmp.udp import Address, numeric_address
from drivers.snmp.usm import UnusableUser, check
from drivers.snmp.wire import Wire

_RECEIVE_OCTETS: Final = 8 << 20
_POOL_OCTETS: Final = 4096
_NOTHING: Final[Mapping[str, Learned]] = MappingProxyType({})


def random_ids() -> Iterator[bytes]:
    """Ids that nobody can guess: 31 bits in four octets, of which the first is not zero."""
    while True:
        pool = secrets.token_bytes(_POOL_OCTETS)
        for at in range(0, _POOL_OCTETS, ID_OCTETS):
            if 0 < pool[at] < 0x80:
                yield pool[at : at + ID_OCTETS]


class Peer:
    """One device as the engine knows it between polls."""

    __slots__ = ("credentials", "envelope", "habits")

    def __init__(self, credentials: SnmpCredentials, learned: Learned) -> None:
        self.credentials = credentials
        self.habits = Habits(learned)
        self.envelope: Envelope = _envelope(credentials, learned)


class Arrivals:
    """Replies on their way to whoever polls; an asyncio.Queue does the same at three times the cost."""

    __slots__ = ("_waiter", "ready")

    def __init__(self) -> None:
        self.ready: deque[PollReply] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, reply: PollReply) -> None:
        """From within the loop."""
        self.ready.append(reply)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> PollReply:
        """The next one; one caller at a time."""
        while not self.ready:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.ready.popleft()


class Engine:
    """Implements `seam.Poller`. `learned` is what agents taught us before, by the name of the device."""

    def __init__(
        self,
        learned: Mapping[str, Learned] = _NOTHING,
        receive_octets: int = _RECEIVE_OCTETS,
    ) -> None:
        self._learned = learned
        self._receive_octets = receive_octets
        self._wire: Wire | None = None
        self._peers: dict[str, Peer] = {}
        self._naming: set[asyncio.Task[None]] = set()

    @property
    def wire(self) -> Wire:
        """The sockets and what is in the air; opened in the running loop when first asked for."""
        if self._wire is None:
            loop = asyncio.get_running_loop()
            self._wire = Wire(loop, random_ids().__next__, self._receive_octets)
        return self._wire

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """See `seam.Poller`. A user that cannot be used ends as UNSUPPORTED."""
        replies = Arrivals()
        wire = self.wire
        mine: list[Exchange] = []
        try:
            for request in requests:
                self._enter(wire, request, replies.put, mine)
            for _ in requests:
                yield replies.ready.popleft() if replies.ready else await replies.get()
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

    def _enter(
        self,
        wire: Wire,
        request: PollRequest,
        deliver: Callable[[PollReply], None],
        mine: list[Exchange],
    ) -> None:
        try:
            peer = self._peer(request)
        except UnusableUser as error:
            deliver(PollReply(request.device, failure=Failure(Reason.UNSUPPORTED, str(error))))
            return
        envelope = peer.envelope
        if isinstance(envelope, UserEnvelope):
            envelope.begin()
            deliver = _with_engine(peer.habits, envelope, deliver)
        dialogue = Dialogue(request, peer.habits, bulk=envelope.bulk)
        exchange = Exchange(request, dialogue, envelope, deliver, peer.habits.trip)
        mine.append(exchange)
        wire.know(exchange)
        known = numeric_address(request.endpoint)
        if known is not None:
            wire.start(exchange, *known)
            return
        task = asyncio.get_running_loop().create_task(_look_up(wire, exchange))
        self._naming.add(task)
        task.add_done_callback(self._naming.discard)

    def _peer(self, request: PollRequest) -> Peer:
        peer = self._peers.get(request.device)
        if peer is None or (
            peer.credentials is not request.credentials and peer.credentials != request.credentials
        ):
            learned = peer.habits.learned if peer else self._learned.get(request.device, Learned())
            peer = self._peers[request.device] = Peer(request.credentials, learned)
        return peer


def _envelope(credentials: SnmpCredentials, learned: Learned) -> Envelope:
    match credentials:
        case SnmpV1():
            return CommunityEnvelope(Version.V1, credentials.community.reveal().encode())
        case SnmpV2c():
            return CommunityEnvelope(Version.V2C, credentials.community.reveal().encode())
        case SnmpV3():
            check(credentials)
            return UserEnvelope(credentials, time.monotonic, learned.engine_id, learned.boots)


def _with_engine(
    habits: Habits, envelope: UserEnvelope, deliver: Callable[[PollReply], None]
) -> Callable[[PollReply], None]:
    """A delivery that tells, too, whether the agent's engine has changed."""

    def whole(reply: PollReply) -> None:
        known = (envelope.known_engine_id, envelope.known_boots)
        if known != (habits.learned.engine_id, habits.learned.boots):
            habits.learned = replace(habits.learned, engine_id=known[0], boots=known[1])
            reply = replace(reply, learned=habits.learned)
        if envelope.events:
            reply = replace(reply, events=tuple(envelope.events))
            envelope.events.clear()
        deliver(reply)

    return whole


async def _look_up(wire: Wire, exchange: Exchange) -> None:
    endpoint = exchange.request.endpoint
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(exchange.request.deadline_s):
            found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_DGRAM)
    except TimeoutError:
        wire.end(exchange, Failure(Reason.TIMEOUT, f"nobody says which address {endpoint.host} has"))
        return
    except (OSError, UnicodeError) as error:
        detail = f"the name {endpoint.host} has no address: {getattr(error, 'strerror', None) or error}"
        wire.end(exchange, Failure(Reason.TIMEOUT, detail))
        return
    family, _, _, _, address = found[0]
    plain: Address = (str(address[0]), int(address[1]))
    if family == socket.AF_INET6:
        scope = int(address[3]) if len(address) == 4 else 0
        plain = (str(address[0]), int(address[1]), 0, scope)
    wire.start(exchange, family, plain)
