"""Every client in turn, round after round; of each the best, because noise only ever adds CPU."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import floor

from bench.poll.child import ClientFailed
from bench.poll.peer import Peer, Size
from bench.poll.work import AGENTS, Figures, Job, Version

_FEWEST = 20


class Mode(StrEnum):
    """What a pass shows: v3 cold is the first of a fresh process, warm the second, which has its sessions."""

    V2C = "v2c"
    WARM = "v3 warm"
    COLD = "v3 cold"


@dataclass(slots=True)
class Runs:
    """What was measured so far, and what went wrong, by client."""

    figures: dict[tuple[Mode, str], list[Figures]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def add(self, mode: Mode, client: str, passes: Sequence[Figures]) -> None:
        """One more run."""
        self.figures.setdefault((mode, client), []).extend(passes)

    def best(self) -> dict[tuple[Mode, str], Figures]:
        """One Figures for each client and mode."""
        return {key: best(passes) for key, passes in self.figures.items()}


def measure(
    peers: Sequence[Peer], ports: Mapping[Version, int], rounds: int, scale: float, say: Callable[[str], None]
) -> Runs:
    """Interleave the peers. A client that fails is told and does not end the run."""
    runs = Runs()
    for number in range(1, rounds + 1):
        for version in Version:
            for peer in peers:
                if version in peer.sizes:
                    say(f"round {number} of {rounds}: SNMP {version}, {peer.name}")
                    _measure(runs, peer, version, ports[version], scale)
    return runs


def _measure(runs: Runs, peer: Peer, version: Version, port: int, scale: float) -> None:
    for style in peer.sizes[version].styles:
        job = _job(peer.sizes[version], version, port, scale, style)
        try:
            passes = peer.run(job)
        except ClientFailed as error:
            runs.errors[peer.name] = f"SNMP {version}: {error}"
            continue
        for mode, some in _by_mode(peer, version, passes).items():
            runs.add(mode, peer.name, some)


def _job(size: Size, version: Version, port: int, scale: float, style: str) -> Job:
    polls = min(AGENTS, max(_FEWEST, int(size.polls * scale)))
    return Job(version, port, polls, min(polls, size.in_flight), style=style)


def _by_mode(peer: Peer, version: Version, passes: Sequence[Figures]) -> dict[Mode, Sequence[Figures]]:
    if version is Version.V2C:
        return {Mode.V2C: passes}
    if not peer.keeps:
        return {Mode.COLD: passes, Mode.WARM: passes}
    return {Mode.COLD: passes[:1], Mode.WARM: passes[1:]}


def best(passes: Sequence[Figures]) -> Figures:
    """The least CPU and p99, the highest rate; but the largest memory and the fewest complete polls."""
    cheapest = min(passes, key=lambda one: one.cpu_per_1k)
    return replace(
        cheapest,
        complete=floor(min(one.share for one in passes) * cheapest.polls),
        wall_s=cheapest.polls / max(one.polls_per_s for one in passes),
        p99_ms=min(one.p99_ms for one in passes),
        rss_mb=max(one.rss_mb for one in passes),
    )


def compare(figures: Mapping[tuple[Mode, str], Figures], ours: str) -> dict[str, float]:
    """By the keys of goals: each peer's CPU over ours, and the percentage of our polls that are complete."""
    found = {}
    for (mode, client), one in figures.items():
        mine = figures.get((mode, ours))
        if client == ours:
            found[f"{mode} complete"] = one.share * 100
        elif mine is not None:
            found[f"{mode} / {client}"] = one.cpu_per_1k / mine.cpu_per_1k
    return found
