"""pysnmp 7.1: the high-level asyncio API with one engine for all, no MIB look-ups, targets kept.

At 200 in flight it calls healthy agents dead, for it misses its own time limit; at 8 it does not.
"""

import asyncio
import sys
from typing import Any, Final

from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_PRIV_CFB128_AES,
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    bulk_cmd,
    get_cmd,
)

from bench.poll import child
from bench.poll.machine import python_version
from bench.poll.meter import passes
from bench.poll.peer import Peer, Size
from bench.poll.work import (
    AUTH_KEY,
    COLUMNS,
    COMMUNITY,
    PRIV_KEY,
    RETRIES,
    ROWS,
    SCALARS,
    TIMEOUT_S,
    USER,
    Figures,
    Job,
    Version,
    address,
)


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    return child.figures([sys.executable, "-m", __name__, job.text()])


def prepare() -> str:
    """It is a library of ours."""
    return python_version("pysnmp")


class _Client:
    def __init__(self, job: Job) -> None:
        self._port = job.port
        self._engine: Any = SnmpEngine()
        self._auth: Any = CommunityData(COMMUNITY, mpModel=1)  # noqa: S508  that is what is measured
        if job.version is Version.V3:
            self._auth = UsmUserData(
                USER, AUTH_KEY, PRIV_KEY, authProtocol=USM_AUTH_HMAC96_SHA, privProtocol=USM_PRIV_CFB128_AES
            )
        self._targets: dict[int, Any] = {}

    async def poll(self, number: int) -> tuple[int, int]:
        target = self._targets.get(number)
        if target is None:
            place = (address(number), self._port)
            target = await UdpTransportTarget.create(place, timeout=TIMEOUT_S, retries=RETRIES)
            self._targets[number] = target
        scalars = _values(await get_cmd(*self._common(target), *_objects(SCALARS), lookupMib=False))
        asked = (*self._common(target), 0, ROWS, *_objects(COLUMNS))
        rows = _values(await bulk_cmd(*asked, lookupMib=False))
        return len(scalars), sum(str(name).startswith(COLUMNS) for name, _ in rows)

    def _common(self, target: Any) -> tuple[Any, ...]:
        return self._engine, self._auth, target, ContextData()


def _objects(oids: tuple[str, ...]) -> list[Any]:
    return [ObjectType(ObjectIdentity(oid)) for oid in oids]


def _values(answer: tuple[Any, Any, Any, Any]) -> Any:
    indication, status, _, varbinds = answer
    if indication or status:
        raise RuntimeError(str(indication or status))
    return varbinds


async def _passes(job: Job) -> None:
    await passes(_Client(job).poll, job)


PEER: Final = Peer("pysnmp", prepare, run, {Version.V2C: Size(200, 8), Version.V3: Size(200, 8)})

if __name__ == "__main__":
    asyncio.run(_passes(Job.read(sys.argv[1])))
