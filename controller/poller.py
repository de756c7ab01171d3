"""The polling wheel: every device at its own phase → replies → samples and verdicts, durable."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from controller import poller_http, poller_ssh, profiles
from controller.health import State, Verdict, assess, polled
from controller.partial_polls import Partial, between, paced
from controller.poller_aside import AT_ONCE, Ask, aside
from controller.profiles import PACES, Depth
from controller.turns import Turn, Turns
from controller.wheel import Wheel
from drivers.collect import Collected, collect, request
from drivers.definition import Platform
from drivers.model import Device, PollBy, Secrets, SnmpCredentials
from drivers.snmp.seam import Failure, Learned, Poller, PollReply, PollRequest
from metrics.errors import CatalogError
from metrics.sample import Sample

TICK_S = 0.05
FLUSH_S = 1.0


@dataclass(frozen=True, slots=True)
class Polled:
    """One finished poll. `learned` and `events` are those of `drivers.snmp.seam.PollReply`."""

    device: Device
    samples: tuple[Sample, ...]
    verdict: Verdict
    problems: tuple[str, ...]
    at: int
    failure: Failure | None = None
    learned: Learned | None = None
    events: tuple[str, ...] = ()


Keep = Callable[[Sequence[Polled]], None]
"""Makes a batch durable; called from a thread, one batch at a time."""


Hurried = Callable[[], Iterable[str]]
"""Devices to poll now that were not told yet; each is told once."""


def nobody() -> Iterable[str]:
    """No device is in a hurry."""
    return ()


def as_ever(_device: str) -> None:
    """No credential changes while we run."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom to ask, what to ask, and how to understand the answer.

    `requests` are the whole polls over SNMP, `between` those of turns that ask for less; `called_on` names
    the devices asked in each other way, `asks` how. `renewed` gives the credentials of a device that change
    while we run.
    """

    devices: Mapping[str, Device]
    platforms: Mapping[str, Platform]
    requests: Mapping[str, PollRequest]
    called_on: Mapping[PollBy, Sequence[str]]
    asks: Mapping[PollBy, Ask]
    between: Mapping[str, Partial] = field(default_factory=dict)
    renewed: Callable[[str], SnmpCredentials | None] = as_ever

    @classmethod
    def of(
        cls,
        devices: Iterable[Device],
        platforms: Mapping[str, Platform],
        secrets: Secrets,
        enter: poller_ssh.Enter = poller_ssh.nobody,
    ) -> "Targets":
        """Those devices that are polled from here. Raises what `secrets` raises, whatever the way."""
        asked = {device.name: device for device in devices if polled(device)}
        requests = {
            device.name: paced(
                device,
                request(device, platforms[device.platform], secrets.of(device).snmp(device.snmp_credentials)),
            )
            for device in asked.values()
            if device.poll is PollBy.SNMP
        }
        asks: dict[PollBy, Ask] = {
            PollBy.SSH: poller_ssh.OverSsh(enter, secrets.ssh),
            PollBy.HTTP: poller_http.OverHttp(secrets.http),
        }
        called_on = {way: [name for name, device in asked.items() if device.poll is way] for way in asks}
        for credentials in {asked[name].ssh_credentials for name in called_on[PollBy.SSH]}:
            secrets.ssh(credentials)  # a login that is missing is told now, not at every poll
        for credentials in {asked[name].http_credentials for name in called_on[PollBy.HTTP]}:
            secrets.http(credentials)
        return cls(asked, platforms, requests, called_on, asks, between(asked, platforms, requests))

    def understand(self, reply: PollReply, turn: Turn) -> Polled:
        """One reply → samples, verdict and problems: pure."""
        device = self.devices[reply.device]
        whole = turn.depth is Depth.WHOLE
        platform = self.platforms[device.platform] if whole else self.between[reply.device].platform
        try:
            collected = collect(device, platform, reply, turn.at)
            if not whole:
                works, reason = turn.service
                collected = replace(collected, service_works=works, service_reason=reason)
            judged = _judged(device, reply.failure, collected, turn.at)
        except CatalogError as error:
            judged = _unstorable(device, error, turn.at)
        return replace(judged, learned=reply.learned, events=reply.events)

    def call_on(self, way: PollBy, name: str, at: int) -> Polled:
        """One device over SSH or HTTPS → samples, verdict and problems; blocks."""
        device = self.devices[name]
        try:
            heard = self.asks[way](device, self.platforms[device.platform], at)
        except CatalogError as error:
            return _unstorable(device, error, at)
        return _judged(device, heard.failure, heard.collected, at)

    async def over_snmp(self, poller: Poller, turns: Turns, names: Iterable[str]) -> AsyncIterator[Polled]:
        """Ask these devices now; their answers in the order they come."""
        now = time.time()
        asked = {name: turns.next(self.devices[name], now) for name in names}
        async for reply in poller.poll([self.request(name, turn) for name, turn in asked.items()]):
            turn = asked[reply.device]
            one = self.understand(reply, turn)
            if one.failure is None:
                turns.heard(one.device, turn, (one.verdict.service_works, one.verdict.reason))
            yield one

    def request(self, name: str, turn: Turn) -> PollRequest:
        """What this turn asks the device for."""
        asked = self.requests[name] if turn.depth is Depth.WHOLE else self.between[name].request
        credentials = self.renewed(name)
        if credentials is None or credentials == asked.credentials:
            return asked
        return replace(asked, credentials=credentials)

    async def calling(self, way: PollBy, turns: Turns, names: Iterable[str]) -> AsyncIterator[Polled]:
        """Ask these devices now, AT_ONCE at a time; their answers in the order they come."""
        room = asyncio.Semaphore(AT_ONCE)

        async def call_on(name: str) -> Polled:
            async with room:
                at = turns.next(self.devices[name], time.time()).at
                return await aside(partial(self.call_on, way, name, at))

        calls = [asyncio.create_task(call_on(name)) for name in names]
        pending = set(calls)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for call in done:
                    if call.exception() is None:
                        yield call.result()
            for call in calls:
                call.result()  # what nobody foresaw is raised when all the others have answered
        finally:
            for call in calls:
                call.cancel()


def _judged(device: Device, failure: Failure | None, collected: Collected, at: int) -> Polled:
    return Polled(device, collected.samples, assess(failure, collected), collected.problems, at, failure)


def _unstorable(device: Device, error: CatalogError, at: int) -> Polled:
    """What the store would refuse never costs the others their batch."""
    verdict = Verdict(State.DEGRADED, True, None, f"its answer cannot be stored: {error}")
    return Polled(device, (), verdict, (str(error),), at)


async def poll_once(targets: Targets, poller: Poller, interval_s: int) -> list[Polled]:
    """Ask every target once, now, for everything: the answers in the order they came; for `plaza poll`."""
    answers: list[Polled] = []
    turns = Turns(interval_s)

    async def listen(to: AsyncIterator[Polled]) -> None:
        async for answer in to:
            answers.append(answer)

    await asyncio.gather(
        listen(targets.over_snmp(poller, turns, targets.requests)),
        *(listen(targets.calling(way, turns, names)) for way, names in targets.called_on.items()),
    )
    return answers


@dataclass(frozen=True, slots=True)
class Lane:
    """Devices that are asked in the same way: who is due, how many at once, and the asking."""

    wheel: Wheel
    room: int
    ask: Callable[[Sequence[str]], AsyncIterator[Polled]]

    def hurry(self, names: Iterable[str]) -> None:
        """Those of them that are ours come now."""
        now_s = time.monotonic()
        for name in names:
            self.wheel.hurry(name, now_s)

    def due(self) -> list[str]:
        """Those to ask now."""
        return self.wheel.due(time.monotonic(), self.room - len(self.wheel.in_flight))


async def turn(
    targets: Targets, poller: Poller, keep: Keep, interval_s: int, in_flight: int, hurried: Hurried = nobody
) -> None:
    """Poll for ever. Cancel to stop: what was answered is made durable first.

    `in_flight` is how many polls over SNMP may be open; every other way has a lane and a limit of its own.
    What is `hurried` is polled out of turn as well.
    """
    lanes = _lanes(targets, poller, interval_s, in_flight)
    answers: asyncio.Queue[Polled] = asyncio.Queue()
    keeper = asyncio.create_task(_keep_for_ever(answers, keep))
    polls: set[asyncio.Task[None]] = set()
    try:
        while not keeper.done():
            names_hurried = list(hurried())
            for lane in lanes:
                lane.hurry(names_hurried)
                if names := lane.due():
                    task = asyncio.create_task(_ask(lane, names, answers))
                    polls.add(task)
                    task.add_done_callback(polls.discard)
            await asyncio.sleep(TICK_S)
        await keeper  # it only ends by an error, which is ours to raise
    finally:
        for task in (*polls, keeper):
            task.cancel()
        await asyncio.gather(*polls, keeper, return_exceptions=True)
        keep(_drain(answers))


def _lanes(targets: Targets, poller: Poller, interval_s: int, in_flight: int) -> list[Lane]:
    turns = Turns(interval_s)
    snmp = _wheel([targets.devices[name] for name in targets.requests], interval_s)
    lanes = [Lane(snmp, in_flight, partial(targets.over_snmp, poller, turns))]
    for way, names in targets.called_on.items():
        wheel = _wheel([targets.devices[name] for name in names], interval_s)
        lanes.append(Lane(wheel, AT_ONCE, partial(targets.calling, way, turns)))
    return lanes


def _wheel(devices: Iterable[Device], normal_s: int) -> Wheel:
    """Each at the interval of its profile; all are asked within the normal one once."""
    asked = {device.name: device for device in devices}
    now_s = time.monotonic()
    intervals = {name: profiles.interval_s(device, normal_s) for name, device in asked.items()}
    wheel = Wheel.start(intervals, now_s, time.time())
    wheel.calm = {name: PACES[device.poll_profile].hurry_s for name, device in asked.items()}
    wheel.welcome(normal_s, now_s)
    return wheel


async def _ask(lane: Lane, names: Sequence[str], answers: asyncio.Queue[Polled]) -> None:
    waiting = set(names)
    try:
        async for answer in lane.ask(names):
            waiting.discard(answer.device.name)
            lane.wheel.done(answer.device.name)
            answers.put_nowait(answer)
    finally:
        for name in waiting:
            lane.wheel.done(name)


async def _keep_for_ever(answers: asyncio.Queue[Polled], keep: Keep) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        batch = _drain(answers)
        if batch:
            await _whole(asyncio.create_task(asyncio.to_thread(keep, batch)))


async def _whole(keeping: asyncio.Task[None]) -> None:
    """Let a batch that is being kept come to its end, also when we are told to stop meanwhile."""
    try:
        await asyncio.shield(keeping)
    except asyncio.CancelledError:
        await keeping
        raise


def _drain(answers: asyncio.Queue[Polled]) -> list[Polled]:
    return [answers.get_nowait() for _ in range(answers.qsize())]
