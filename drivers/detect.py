"""Which platform a device is of: by its sysObjectID, its sysDescr, and objects that it must have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.blocks import Identify
from drivers.definition import Platform
from drivers.model import Device, SnmpCredentials
from drivers.snmp.seam import Oid, Poller, PollReply, PollRequest
from drivers.values import text_of

SYS_DESCR: Final = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID: Final = (1, 3, 6, 1, 2, 1, 1, 2, 0)
_Rank = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A platform that the device may be of; it is, when it has the object at or below `probe`.

    `rank` says how specific that is: arcs of sysObjectID and probe, then whether sysDescr was looked at.
    """

    platform: str
    probe: Oid | None
    rank: _Rank


async def detect(
    device: Device, platforms: Mapping[str, Platform], credentials: SnmpCredentials, poller: Poller
) -> str | None:
    """The name of the platform that describes the device best; None when none does. At most two polls."""
    first = PollRequest(device.name, device.snmp, credentials, (SYS_DESCR, SYS_OBJECT_ID))
    found = candidates(platforms, await _asked(poller, first))
    probes = tuple(dict.fromkeys(one.probe for one in found if one.probe is not None))
    if not probes:
        return choose(found, ())
    second = PollRequest(device.name, device.snmp, credentials, (), probes, max_rows=1)
    return choose(found, (await _asked(poller, second)).columns)


def candidates(platforms: Mapping[str, Platform], reply: PollReply) -> list[Candidate]:
    """Those whose sysObjectID and sysDescr fit; what they say of a probe is still to be asked."""
    object_id = reply.scalars.get(SYS_OBJECT_ID)
    descr = reply.scalars.get(SYS_DESCR)
    known = object_id if isinstance(object_id, tuple) else ()
    text = "" if descr is None else text_of(descr)
    fitting = (
        (name, one, _arcs(one, known))
        for name, platform in platforms.items()
        for one in platform.identify
        if _fits(one, known, text)
    )
    return [
        Candidate(name, one.probe, (arcs + len(one.probe or ()), int(one.sys_descr is not None), name))
        for name, one, arcs in fitting
    ]


def choose(found: Iterable[Candidate], present: Iterable[Oid]) -> str | None:
    """The most specific candidate whose probe is among those present."""
    there = set(present)
    proved: Sequence[Candidate] = [one for one in found if one.probe is None or one.probe in there]
    return max(proved, key=lambda one: one.rank).platform if proved else None


async def _asked(poller: Poller, request: PollRequest) -> PollReply:
    async for reply in poller.poll([request]):
        return reply
    return PollReply(request.device)


def _fits(one: Identify, object_id: Oid, descr: str) -> bool:
    if one.sys_object_id and not _arcs(one, object_id):
        return False
    if one.sys_descr is not None and not one.sys_descr.search(descr):
        return False
    return bool(one.sys_object_id or one.sys_descr or one.probe)


def _arcs(one: Identify, object_id: Oid) -> int:
    """Arcs of the longest prefix of this sysObjectID that is said."""
    return max((len(prefix) for prefix in one.sys_object_id if object_id[: len(prefix)] == prefix), default=0)
