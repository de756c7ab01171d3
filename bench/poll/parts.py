"""The parts of a run: each adds its figures, by the keys of the goals, and what stands behind them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench.poll.child import ClientFailed
from bench.poll.trials import half_dead, memory, starved, whole
from bench.poll.trials.town import PLATFORM
from bench.poll.work import AGENTS

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything. `polls` multiplies those of each client's run, `million` is the memory's."""

    rounds: int
    polls: float
    passes: int
    million: int
    minutes: float


FULL: Final = Scale(rounds=5, polls=1, passes=5, million=1_000_000, minutes=10)
QUICK: Final = Scale(rounds=2, polls=0.3, passes=2, million=100_000, minutes=1)


@dataclass(slots=True)
class Found:
    """Figures by the keys of goals, details by title, everything raw, and what failed with its reason."""

    measured: dict[str, float] = field(default_factory=dict)
    details: dict[str, Mapping[str, str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """A trial that ends with an error is told and does not end the run; its goals are not measured."""
        try:
            yield
        except ClientFailed as error:
            self.failed[name] = str(error)


def robust(found: Found, port: int, scale: Scale, say: Say) -> None:
    """What load does to us."""
    say("half of the agents dead")
    with found.trial("half dead"):
        _half_dead(found, half_dead.run(port, AGENTS // 2, scale.passes))
    for in_flight in (2_000, AGENTS):
        say(f"{starved.LOOPS} busy loops on our core, {in_flight:,} in flight")
        with found.trial(f"starved, {in_flight:,} in flight"):
            _starved(found, in_flight, starved.run(port, in_flight, scale.passes))
    say(f"memory over {scale.million:,} polls")
    with found.trial("memory"):
        _memory(found, memory.run(port, scale.million // AGENTS))


def _half_dead(found: Found, living: half_dead.Living) -> None:
    found.measured["living keep"] = living.kept * 100
    found.raw["half dead"] = asdict(living) | {"kept": living.kept}
    found.details[f"{AGENTS // 2:,} living, {AGENTS // 2:,} dead"] = {
        "alone": f"{living.alone_per_s:,.0f} polls/s of the living, p99 {living.alone_p99_ms:.1f} ms",
        "with the dead": f"{living.mixed_per_s:,.0f} polls/s, p99 {living.mixed_p99_ms:.1f} ms",
        "when they have just died": f"{living.first_per_s:,.0f} polls/s",
        "the living that answered": f"{living.answered:.2%}",
    }


def _starved(found: Found, in_flight: int, result: starved.Starved) -> None:
    found.measured[f"starved {in_flight}"] = result.called_dead
    found.raw[f"starved {in_flight}"] = asdict(result)
    reason = f", most often {result.reason}" if result.reason else ""
    found.details[f"{starved.LOOPS} busy loops on our core, {in_flight:,} in flight"] = {
        "called dead": f"{result.called_dead:,} of {result.polls:,} polls{reason}"
    }


def _memory(found: Found, result: memory.Memory) -> None:
    found.measured["growth"] = result.growth_mb
    found.measured["per device"] = result.bytes_per_device
    found.raw["memory"] = asdict(result)
    found.details["memory of our engine"] = {
        "growth": f"{result.growth_mb:.2f} MB over {result.polls:,} polls of {AGENTS:,} devices",
        "per device": f"{result.bytes_per_device:,.0f} B, from 1,000 to {AGENTS:,} devices",
        "in the end": f"{result.rss_mb:.0f} MB",
    }


def poller(found: Found, port: int, scale: Scale, say: Say) -> None:
    """The whole process."""
    say(f"plaza run poller, {AGENTS:,} access points a minute, {scale.minutes:g} min")
    with found.trial("plaza run poller"):
        result = whole.run(port, scale.minutes)
        found.measured["poller cpu"] = result.cpu * 100
        found.measured["poller rss"] = result.rss_mb
        found.measured["poller asked"] = result.asked * 100
        found.measured["poller downs"] = result.false_downs
        found.raw["poller"] = asdict(result)
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(result.states.items()))
        found.details[f"plaza run poller, platform {PLATFORM}, {AGENTS:,} access points each minute"] = {
            "lasted": f"{result.minutes:.1f} min after the first answer",
            "CPU": f"{result.cpu:.1%} of a core, {result.start_cpu_s:.1f} CPU-s before the first answer",
            "RSS": f"{result.rss_mb:.0f} MB at its peak",
            "asked within 2 minutes": f"{result.asked:.2%}",
            "states at the end": states,
        }
