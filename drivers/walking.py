"""Everything that a device tells, walked through the poll engine."""

from collections.abc import Mapping
from typing import Final

from drivers.errors import Unreachable
from drivers.model import Endpoint, SnmpCredentials
from drivers.snmp.seam import Oid, Poller, PollReply, PollRequest, Value

ROOTS: Final[tuple[Oid, ...]] = ((1, 2, 840), (1, 3, 6, 1))
"""IEEE802dot11-MIB, and the Internet; the other trees hold neighbours only."""
MOST_OBJECTS: Final = 200_000


async def walk(
    endpoint: Endpoint, credentials: SnmpCredentials, poller: Poller, deadline_s: float
) -> tuple[dict[Oid, Value], str]:
    """The objects of a device, and why there are not all of them: empty when there are.

    Raises Unreachable when it told nothing at all.
    """
    request = PollRequest(
        str(endpoint),
        endpoint,
        credentials,
        (),
        ROOTS,
        retries=4,  # some tables take an agent long to make
        deadline_s=deadline_s,
        max_rows=MOST_OBJECTS,
    )
    async for reply in poller.poll([request]):
        objects = _objects(reply)
        if not objects:
            detail = reply.failure.detail if reply.failure else "it has no objects"
            raise Unreachable(str(endpoint), detail, "plaza doctor, or another --community-from")
        return objects, reply.failure.detail if reply.failure else ""
    raise Unreachable(str(endpoint), "the poll ended without a reply")


def _objects(reply: PollReply) -> dict[Oid, Value]:
    columns: Mapping[Oid, Mapping[Oid, Value]] = reply.columns
    return {(*root, *rest): value for root, rows in columns.items() for rest, value in rows.items()}
