"""Which implementation polls what: v2c is ours, v3 is pysnmp's."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from drivers.model import SnmpV2c
from drivers.snmp.engine import Engine
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import Poller, PollReply, PollRequest


def open_poller() -> Poller:
    """A poller for every kind of credential, to be used inside one running asyncio loop."""
    return _ByVersion(Engine(), PysnmpPoller())


class _ByVersion:
    def __init__(self, v2c: Poller, v3: Poller) -> None:
        self._v2c = v2c
        self._v3 = v3

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """See `seam.Poller`: replies of both come as they complete."""
        replies: asyncio.Queue[PollReply | None] = asyncio.Queue()
        ours = [request for request in requests if isinstance(request.credentials, SnmpV2c)]
        theirs = [request for request in requests if not isinstance(request.credentials, SnmpV2c)]
        tasks = [
            asyncio.create_task(_forward(poller.poll(some), replies))
            for poller, some in ((self._v2c, ours), (self._v3, theirs))
            if some
        ]
        going = len(tasks)
        try:
            while going:
                reply = await replies.get()
                if reply is None:
                    going -= 1
                else:
                    yield reply
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Release the sockets of both."""
        await self._v2c.close()
        await self._v3.close()


async def _forward(found: AsyncIterator[PollReply], replies: asyncio.Queue[PollReply | None]) -> None:
    """Put every reply, then None."""
    try:
        async for reply in found:
            replies.put_nowait(reply)
    finally:
        replies.put_nowait(None)
