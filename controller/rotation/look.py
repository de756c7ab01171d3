"""What a device accepts now, by asking it: logins, offered keys and polls, never by what should be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from controller.access import Access
from controller.errors import SecretError
from controller.people import carries_keys
from controller.rotation.ledger import Accepts
from controller.secrets import NEXT, NOW
from drivers.errors import AuthFailed, DriverError, HostKeyChanged
from drivers.model import Device
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import PollReply, PollRequest, Reason

NOT_REACHED: Final = "not reached"
UPTIME: Final = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_NO: Final = frozenset({Reason.AUTH, Reason.ERROR})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found; `accepts` None: it was not reached, or what it said proves nothing."""

    device: str
    accepts: Accepts | None
    detail: str


def at_keys(access: Access, device: Device, lines: Sequence[str]) -> Seen:
    """Whether it still takes any of a person's keys: NEW once it takes none."""
    try:
        left = access.accepted(device, lines)
    except (DriverError, SecretError) as error:
        return _unknown(device, error)
    if not left:
        return Seen(device.name, Accepts.NEW, "it refuses the key")
    by_hand = (
        "" if carries_keys(device) else f"; Plaza writes no keys on {device.platform}: take it out by hand"
    )
    return Seen(device.name, Accepts.OLD, f"it still accepts the key{by_hand}")


def at_login(access: Access, device: Device, old_too: bool) -> Seen:
    """Whether it takes the next login of its credential and, where that is asked, still the old one."""
    try:
        new = _enters(access, device, NEXT)
        if not new:
            by_hand = "" if carries_keys(device) else f"; Plaza writes no keys on {device.platform}"
            return Seen(device.name, Accepts.OLD, f"it does not accept the new key yet{by_hand}")
        old = not old_too or _enters(access, device, NOW)
    except (DriverError, SecretError) as error:
        return _unknown(device, error)
    if old:
        return Seen(device.name, Accepts.BOTH, "it accepts the new key")
    return Seen(device.name, Accepts.NEW, "it accepts the new key and refuses the old one")


def at_polls(access: Access, devices: Sequence[Device], credential: str, backend: str) -> list[Seen]:
    """Whether agents answer the next user of a credential, and still the old one; all side by side."""
    asked: list[PollRequest] = []
    found: list[Seen] = []
    for device in devices:
        try:
            asked += [_request(access, device, credential + mark) for mark in (NEXT, NOW)]
        except SecretError as error:
            found.append(_unknown(device, error))
    replies = asyncio.run(_polled(asked, backend)) if asked else {}
    names = dict.fromkeys(request.device.partition("+")[0] for request in asked)
    return found + [_by_polls(name, replies[name + NEXT], replies[name + NOW]) for name in names]


def _by_polls(name: str, new: PollReply, old: PollReply) -> Seen:
    if UPTIME in new.scalars:
        if UPTIME in old.scalars:
            return Seen(name, Accepts.BOTH, "its agent answers the new user and the old one")
        if old.failure is not None and old.failure.reason in _NO:
            return Seen(name, Accepts.NEW, "its agent answers the new user and refuses the old one")
        return Seen(name, Accepts.BOTH, "its agent answers the new user; of the old one it says nothing")
    if UPTIME in old.scalars:
        return Seen(name, Accepts.OLD, "its agent does not answer the new user yet")
    if new.failure is not None and new.failure.reason in _NO:
        return Seen(name, None, "its agent refuses both users")
    reason = new.failure.detail if new.failure is not None else "it does not tell its uptime"
    return Seen(name, None, f"{NOT_REACHED}: {reason}")


def _request(access: Access, device: Device, credential: str) -> PollRequest:
    user = access.secrets.of(device).snmp(credential)
    mark = credential.partition("+")[2]
    return PollRequest(f"{device.name}+{mark}", device.snmp, user, (UPTIME,))


async def _polled(requests: Sequence[PollRequest], backend: str) -> dict[str, PollReply]:
    poller = open_poller(learned={}, backend=backend)
    try:
        return {reply.device: reply async for reply in poller.poll(requests)}
    finally:
        await poller.close()


def _enters(access: Access, device: Device, mark: str) -> bool:
    """Whether we may log in with that one; raises what proves neither."""
    try:
        access.enter(replace(device, ssh_credentials=device.ssh_credentials + mark)).close()
    except AuthFailed:
        return False
    return True


def _unknown(device: Device, error: DriverError | SecretError) -> Seen:
    if isinstance(error, AuthFailed | HostKeyChanged):
        return Seen(device.name, None, f"it does not let us in: {error.reason}")
    reason = error.reason if isinstance(error, DriverError) else str(error)
    return Seen(device.name, None, f"{NOT_REACHED}: {reason}")
