"""How tests ask for a poll."""

import asyncio
from collections.abc import Callable, Sequence

from drivers.model import Endpoint, Secret, SnmpCredentials, SnmpV2c
from drivers.snmp.seam import Oid, Poller, PollReply, PollRequest

PUBLIC = SnmpV2c(Secret("public"))

MakePoller = Callable[[], Poller]


def ask(
    port: int,
    scalars: Sequence[Oid] = (),
    columns: Sequence[Oid] = (),
    *,
    device: str = "ap-1",
    credentials: SnmpCredentials = PUBLIC,
    host: str = "127.0.0.1",
    timeout_s: float = 5.0,
    retries: int = 1,
    deadline_s: float = 30.0,
    max_rows: int = 512,
) -> PollRequest:
    """A poll with times that a busy machine keeps."""
    endpoint = Endpoint(host, port)
    return PollRequest(
        device,
        endpoint,
        credentials,
        tuple(scalars),
        tuple(columns),
        timeout_s=timeout_s,
        retries=retries,
        deadline_s=deadline_s,
        max_rows=max_rows,
    )


def poll(make: MakePoller, *requests: PollRequest) -> list[PollReply]:
    """All replies, in the order they came, through a poller of its own."""

    async def run() -> list[PollReply]:
        poller = make()
        try:
            return [reply async for reply in poller.poll(requests)]
        finally:
            await poller.close()

    return asyncio.run(run())


def poll_one(make: MakePoller, request: PollRequest) -> PollReply:
    """The reply of a single poll."""
    (reply,) = poll(make, request)
    return reply
