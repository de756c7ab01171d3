"""From what devices tell unasked to the devices to poll now."""

import asyncio
import contextlib
import ipaddress
import json
import logging
import secrets as random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from controller.errors import ControllerError, PortTaken
from controller.files import write_private
from controller.poller import Hurried, Targets, nobody
from controller.settings import Settings, endpoint
from drivers.model import SnmpCredentials, SnmpV3
from drivers.snmp.notice import Counts, EngineIdentity, Notice, NoticeKind, plain_address
from drivers.snmp.seam import Learned, Poller, PollReply, PollRequest

log = logging.getLogger(__name__)

TELL_EVERY_S: Final = 60.0

# RFC 3411 §5: an enterprise's number with the first bit set, then 5 for octets of its own choice. Plaza has
# no number; 32473 is the one for examples (RFC 5612), and the random octets are what makes the ID unique.
_ENGINE_PREFIX: Final = bytes.fromhex("80007ed905")
_ENGINE_RANDOM_OCTETS: Final = 8
_MAX_BOOTS: Final = 2**31 - 2

# A poll with a wrong community makes a device send this one, which must not make us poll again.
_CHANGES_NOTHING: Final = frozenset({NoticeKind.AUTHENTICATION_FAILURE})


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Which devices, with which credentials, are at a source address, and where each device is.

    Devices behind a site's gateway share its address.
    """

    names: Mapping[str, Sequence[str]]
    credentials: Mapping[str, Sequence[SnmpCredentials]]
    addresses: Mapping[str, Iterable[str]]

    @classmethod
    def of(cls, targets: Targets, resolve: Callable[[str], Iterable[str]]) -> "Neighbours":
        """Every polled device by where its agent is; credentials of those that are polled over SNMP."""
        names: dict[str, list[str]] = {}
        credentials: dict[str, list[SnmpCredentials]] = {}
        hosts = {device.snmp.host for device in targets.devices.values()}
        found = {host: frozenset(map(plain_address, resolve(host))) for host in hosts}
        addresses = {name: found[device.snmp.host] for name, device in targets.devices.items()}
        for name, address in ((name, one) for name, some in addresses.items() for one in some):
            names.setdefault(address, []).append(name)
            known = credentials.setdefault(address, [])
            if name in targets.requests and targets.requests[name].credentials not in known:
                known.append(targets.requests[name].credentials)
        return cls(names, credentials, addresses)


@dataclass(slots=True)
class Hurry:
    """The devices that notices ask to poll now, until they are taken."""

    names: Mapping[str, Sequence[str]]
    waiting: set[str] = field(default_factory=set)

    def hear(self, notice: Notice) -> None:
        """Everybody at its source is to be polled."""
        if notice.kind not in _CHANGES_NOTHING:
            self.waiting.update(self.names[notice.source])

    def take(self) -> set[str]:
        """Those not taken yet."""
        taken, self.waiting = self.waiting, set()
        return taken


@dataclass(frozen=True, slots=True)
class Overheard:
    """A poller whose agents' engines are told on: without them no trap of SNMPv3 can be believed."""

    poller: Poller
    learn: Callable[[str, Learned], None]

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """See `seam.Poller`."""
        async for reply in self.poller.poll(requests):
            if reply.learned is not None:
                self.learn(reply.device, reply.learned)
            yield reply

    async def close(self) -> None:
        """See `seam.Poller`."""
        await self.poller.close()


@asynccontextmanager
async def attend(
    settings: Settings, targets: Targets, poller: Poller, learned: Mapping[str, Learned]
) -> AsyncIterator[tuple[Poller, Hurried]]:
    """Listen while the block runs: the poller to use and who is in a hurry. `learned` as of the last run.

    Raises PortTaken. Where `trap_listen` is empty nobody is heard.
    """
    if not settings.trap_listen:
        yield poller, nobody
        return
    from drivers.snmp.notices import Receiver  # noqa: PLC0415  pysnmp is heavy, and only the poller hears

    neighbours = await asyncio.to_thread(Neighbours.of, targets, addresses_of)
    hurry = Hurry(neighbours.names)
    place = endpoint(settings.trap_listen)
    try:
        receiver = Receiver(place, neighbours.credentials, identity(settings.data_dir), hurry.hear)
    except OSError as error:
        mend = "set PLAZA_TRAP_LISTEN to another address, HOST:PORT, or to nothing"
        raise PortTaken(f"{place} (UDP) is taken or not ours; {mend}") from error
    learn = _Introduction(targets, neighbours, receiver.knows)
    for name, what in learned.items():
        learn(name, what)
    telling = asyncio.create_task(tell(receiver.counts))
    try:
        yield Overheard(poller, learn), hurry.take
    finally:
        receiver.close()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Introduction:
    targets: Targets
    neighbours: Neighbours
    knows: Callable[[str, bytes, int, SnmpV3], None]

    def __call__(self, name: str, learned: Learned) -> None:
        request = self.targets.requests.get(name)
        if request is None or not learned.engine_id or not isinstance(request.credentials, SnmpV3):
            return
        for address in self.neighbours.addresses[name]:
            self.knows(address, learned.engine_id, learned.boots, request.credentials)


async def tell(counts: Counts, every_s: float = TELL_EVERY_S) -> None:
    """Log what came since the last time, as numbers: never a datagram, never what one holds."""
    before: dict[str, int] = asdict(counts)
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(every_s)
            before = _tell(before, asdict(counts))
    _tell(before, asdict(counts))


def _tell(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    fresh = {name: now[name] - before[name] for name in now}
    if any(count for name, count in fresh.items() if name != "heard"):
        log.warning("notices not believed", extra=fresh)
    elif fresh["heard"]:
        log.info("notices heard", extra=fresh)
    return now


def identity(data_dir: Path) -> EngineIdentity:
    """Who we are from this start on: an engineID made up once, and one boot more than the last time.

    Raises ControllerError when the file is not what we wrote.
    """
    file = data_dir / "snmp-engine.json"
    last = _read(file) if file.exists() else _new()
    now = EngineIdentity(last.engine_id, last.boots + 1) if last.boots < _MAX_BOOTS else _new()
    write_private(file, json.dumps({"engine_id": now.engine_id.hex(), "boots": now.boots}))
    return now


def _new() -> EngineIdentity:
    return EngineIdentity(_ENGINE_PREFIX + random.token_bytes(_ENGINE_RANDOM_OCTETS), 0)


def _read(file: Path) -> EngineIdentity:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return EngineIdentity(bytes.fromhex(said["engine_id"]), int(said["boots"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = "delete it; devices that send SNMPv3 informs ask for the new engineID"
        raise ControllerError(f"{file}: {error}; {mend}") from None


def addresses_of(host: str) -> list[str]:
    """The addresses of a host, asked for once, at the start; none when nobody knows the name."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return []  # its polls fail with the reason
    return sorted({str(address[0]) for *_, address in found})
