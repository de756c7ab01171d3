"""Links with a delay: `python -m bench.apply.relay JSON` carries a port of its own to each device, and back.

Every piece takes half a round trip; so does each of the three segments that open a connection. This is for
machines whose kernel has no sch_netem.
"""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, cast

from bench.apply.lifetime import given
from bench.apply.work import Place
from bench.poll.meter import open_many_files, told

_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A link to each of `places`, `round_trip_s` long."""

    places: tuple[Place, ...]
    round_trip_s: float


class End(asyncio.Protocol):
    """One end of a link: what arrives here leaves at `other` after the delay, in its order."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._late: deque[bytes] = deque()
        self._due = 0
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._late.append(data)
        self._loop.call_later(self._delay_s, self._arrived)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.call_later(self._delay_s, self._end)

    def _arrived(self) -> None:
        self._due += 1
        self.flush()

    def flush(self) -> None:
        """Hand over what has had its delay, if the other end is open."""
        while self._due and self.other is not None and self.other.transport is not None:
            self._due -= 1
            self.other.transport.write(self._late.popleft())

    def _end(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Near(End):
    """The end at the client, which opens the far one."""

    def __init__(self, delay_s: float, place: Place) -> None:
        super().__init__(delay_s)
        self._place = place
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = self._loop.create_task(self._open(cast(asyncio.Transport, transport)))

    async def _open(self, near: asyncio.Transport) -> None:
        await asyncio.sleep(3 * self._delay_s)
        far = End(self._delay_s)
        try:
            await self._loop.create_connection(lambda: far, self._place.host, self._place.port)
        except OSError:
            near.abort()
            return
        self.other, far.other = far, self
        self.flush()


async def serve(wanted: Wanted) -> None:
    """Until SIGTERM."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    delay_s = wanted.round_trip_s / 2
    links = [
        await loop.create_server(partial(Near, delay_s, place), _HOST, 0, backlog=64)
        for place in wanted.places
    ]
    near = [Place(_HOST, link.sockets[0].getsockname()[1]) for link in links]
    told({"places": [asdict(place) for place in near], "processes": [os.getpid()]})
    await ended.wait()


if __name__ == "__main__":
    open_many_files()
    _told = given(sys.argv[1])
    asyncio.run(serve(Wanted(tuple(Place(**place) for place in _told["places"]), _told["round_trip_s"])))
