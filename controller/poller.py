"""The polling wheel: every device at its own phase → replies → samples and verdicts, durable."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heapify, heapreplace

from controller.health import State, Verdict, assess, polled
from drivers.collect import collect, request
from drivers.definition import Platform
from drivers.model import Device, Secrets
from drivers.snmp.seam import Poller, PollReply, PollRequest
from metrics.errors import CatalogError
from metrics.sample import Sample

TICK_S = 0.05
FLUSH_S = 1.0


@dataclass(frozen=True, slots=True)
class Polled:
    """One finished poll."""

    device: Device
    samples: tuple[Sample, ...]
    verdict: Verdict
    problems: tuple[str, ...]
    at: int


Keep = Callable[[Sequence[Polled]], None]
"""Makes a batch durable; called from a thread, one batch at a time."""


def phase_s(name: str, interval_s: float) -> float:
    """When in its interval a device is polled: spread by a hash, the same after every restart."""
    digest = blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * interval_s


def slot(wall_s: float, name: str, interval_s: int) -> int:
    """The start of the interval that a poll at `wall_s` belongs to: its samples' timestamp."""
    return int((wall_s - phase_s(name, interval_s) + interval_s / 2) // interval_s * interval_s)


@dataclass(slots=True)
class Wheel:
    """Who is due, on the monotonic clock. A device still in flight at its turn is skipped and counted."""

    interval_s: float
    turns: list[tuple[float, str]]
    in_flight: set[str] = field(default_factory=set)
    skipped: int = 0

    @classmethod
    def start(cls, names: Iterable[str], interval_s: float, now_s: float, wall_s: float) -> "Wheel":
        """Every device first comes when the wall clock reaches its phase within an interval."""
        turns = [(now_s + (phase_s(name, interval_s) - wall_s) % interval_s, name) for name in names]
        heapify(turns)
        return cls(interval_s, turns)

    def due(self, now_s: float, room: int) -> list[str]:
        """Take out at most `room` devices whose turn has come; the others keep their turn."""
        taken: list[str] = []
        while self.turns and self.turns[0][0] <= now_s and len(taken) < room:
            at, name = self.turns[0]
            missed = (now_s - at) // self.interval_s
            heapreplace(self.turns, (at + (missed + 1) * self.interval_s, name))
            if name in self.in_flight:
                self.skipped += 1
            else:
                self.in_flight.add(name)
                taken.append(name)
        return taken

    def done(self, name: str) -> None:
        """The device may be asked again."""
        self.in_flight.discard(name)


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom to ask, what to ask, and how to understand the answer; secrets are looked up once, here."""

    devices: Mapping[str, Device]
    platforms: Mapping[str, Platform]
    requests: Mapping[str, PollRequest]

    @classmethod
    def of(cls, devices: Iterable[Device], platforms: Mapping[str, Platform], secrets: Secrets) -> "Targets":
        """Those devices that are polled from here. Raises what `secrets` raises."""
        asked = {device.name: device for device in devices if polled(device)}
        requests = {
            device.name: request(device, platforms[device.platform], secrets.snmp(device.snmp_credentials))
            for device in asked.values()
        }
        return cls(asked, platforms, requests)

    def understand(self, reply: PollReply, at: int) -> Polled:
        """One reply → samples, verdict and problems: pure."""
        device = self.devices[reply.device]
        try:
            collected = collect(device, self.platforms[device.platform], reply, at)
        except CatalogError as error:  # what the store would refuse never costs the others their batch
            verdict = Verdict(State.DEGRADED, True, None, f"its answer cannot be stored: {error}")
            return Polled(device, (), verdict, (str(error),), at)
        verdict = assess(reply.failure, collected)
        return Polled(device, collected.samples, verdict, collected.problems, at)


async def poll_once(targets: Targets, poller: Poller, interval_s: int) -> list[Polled]:
    """Ask every target once, now; used by `plaza poll --once`."""
    wanted = list(targets.requests.values())
    now = time.time()
    return [
        targets.understand(reply, slot(now, reply.device, interval_s)) async for reply in poller.poll(wanted)
    ]


async def turn(targets: Targets, poller: Poller, keep: Keep, interval_s: int, in_flight: int) -> None:
    """Poll for ever. Cancel to stop: what was answered is made durable first."""
    wheel = Wheel.start(targets.devices, interval_s, time.monotonic(), time.time())
    answers: asyncio.Queue[Polled] = asyncio.Queue()
    keeper = asyncio.create_task(_keep_for_ever(answers, keep))
    polls: set[asyncio.Task[None]] = set()
    try:
        while not keeper.done():
            names = wheel.due(time.monotonic(), in_flight - len(wheel.in_flight))
            if names:
                task = asyncio.create_task(_ask(targets, poller, names, wheel, answers, interval_s))
                polls.add(task)
                task.add_done_callback(polls.discard)
            await asyncio.sleep(TICK_S)
        await keeper  # it only ends by an error, which is ours to raise
    finally:
        for task in (*polls, keeper):
            task.cancel()
        await asyncio.gather(*polls, keeper, return_exceptions=True)
        keep(_drain(answers))


async def _ask(
    targets: Targets,
    poller: Poller,
    names: list[str],
    wheel: Wheel,
    answers: asyncio.Queue[Polled],
    interval_s: int,
) -> None:
    now = time.time()
    async for reply in poller.poll([targets.requests[name] for name in names]):
        wheel.done(reply.device)
        answers.put_nowait(targets.understand(reply, slot(now, reply.device, interval_s)))


async def _keep_for_ever(answers: asyncio.Queue[Polled], keep: Keep) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        batch = _drain(answers)
        if batch:
            await asyncio.shield(asyncio.to_thread(keep, batch))


def _drain(answers: asyncio.Queue[Polled]) -> list[Polled]:
    return [answers.get_nowait() for _ in range(answers.qsize())]
