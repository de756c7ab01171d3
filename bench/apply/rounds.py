"""Every client in turn, near and far; of each the best round, because noise only ever adds."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from bench.apply.farm import KEY, Farm, delayed, farm
from bench.apply.peer import Peer
from bench.apply.peers.ours import device
from bench.apply.work import Figures, Job, Kind, Place
from bench.poll.child import ClientFailed
from drivers import ssh
from drivers.host_key import HostKey

_FAR_S: Final = 0.04
_SETTLE_S: Final = 0.5

Say = Callable[[str], None]


class Way(StrEnum):
    """How far away the devices are."""

    NEAR = "near"
    FAR = "40 ms away"


Key = tuple[Kind, Way, str]
"""The last is the name of a client."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: devices of a round, `in_flight` at a time, and those of the whole cycle.

    Of a fleet so many devices, `abreast` at a time, and so many looks for drift.
    """

    devices: int
    in_flight: int
    rounds: int
    cycles: int
    diffs: int
    fleet: int
    abreast: int
    looks: int


FULL: Final = Scale(
    devices=200, in_flight=10, rounds=1, cycles=50, diffs=1000, fleet=1000, abreast=64, looks=5000
)
QUICK: Final = Scale(devices=20, in_flight=10, rounds=1, cycles=10, diffs=200, fleet=40, abreast=20, looks=80)


@dataclass(slots=True)
class Runs:
    """What was measured so far, and what went wrong, by client."""

    figures: dict[Key, list[Figures]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def best(self) -> dict[Key, Figures]:
        """One Figures for each client, kind and way."""
        return {key: best(rounds) for key, rounds in self.figures.items()}


def measure(runs: Runs, kind: Kind, peers: Sequence[Peer], scale: Scale, say: Say) -> None:
    """Interleave the peers. A client that fails is told and does not end the run. Raises FarmFailed."""
    say(f"starting {scale.devices} {kind} devices")
    with farm(kind, scale.devices) as found:
        shown = host_key(found.places)
        for way in Way:
            with nullcontext(found.places) if way is Way.NEAR else delayed(found.places, _FAR_S) as places:
                job = new_job(kind, places, shown, scale.in_flight)
                for number in range(1, scale.rounds + 1):
                    for peer in (one for one in peers if kind in one.kinds):
                        say(f"round {number} of {scale.rounds}: {kind}, {way}, {peer.name}")
                        _measure(runs, (kind, way, peer.name), peer, job, found)


def host_key(places: Sequence[Place]) -> HostKey:
    """The one all of them show. So each has been spoken to before anything is measured."""
    (shown,) = {ssh.fetch_host_key(device(place, place.host)) for place in places}
    return shown


def new_job(kind: Kind, places: tuple[Place, ...], shown: HostKey, in_flight: int) -> Job:
    """The work at these devices, which all show this host key."""
    return Job(kind, places, str(KEY), (shown.kind, shown.public_key), in_flight, token="")


def _measure(runs: Runs, key: Key, peer: Peer, job: Job, devices: Farm) -> None:
    used_s = devices.cpu_s()
    try:
        found = peer.run(replace(job, token=secrets.token_hex(4)))
    except ClientFailed as error:
        runs.errors[peer.name] = f"{key[0]}, {key[1]}: {error}"
        return
    time.sleep(_SETTLE_S)  # until the servers have waited for the children of the last logins
    found = replace(found, farm_cpu_s=devices.cpu_s() - used_s)
    runs.figures.setdefault(key, []).append(found)


def best(rounds: Sequence[Figures]) -> Figures:
    """The least CPU and the highest rate; but the fewest complete devices and the most tries."""
    cheapest = min(rounds, key=lambda one: one.cpu_ms)
    return replace(
        cheapest,
        complete=min(one.complete for one in rounds),
        again=max(one.again for one in rounds),
        wall_s=min(one.wall_s for one in rounds),
    )


def compare(figures: Mapping[Key, Figures], ours: str) -> dict[str, float]:
    """By the keys of goals: CPU of each peer over ours, our rate over theirs, what of ours is complete."""
    found: dict[str, float] = {}
    for (kind, way, client), one in figures.items():
        mine = figures.get((kind, way, ours))
        if client == ours:
            complete = f"{kind} complete"
            found[complete] = min(found.get(complete, 100.0), one.share * 100)
        elif mine is not None and way is Way.NEAR:
            found[f"{kind} cpu / {client}"] = one.cpu_ms / mine.cpu_ms
            found[f"{kind} over {client}"] = mine.cpu_ms / one.cpu_ms
        elif mine is not None:
            found[f"{kind} pace / {client}"] = mine.per_minute / one.per_minute
    return found
