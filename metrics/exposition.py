"""What the controller tells a Prometheus about itself, from plain numbers: no clock, no store, no HTTP."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SinkFigures:
    """Of one sink; `behind_s` is the age of the oldest point that is not safe there, 0 when all are."""

    name: str
    safe_points: int
    waiting_batches: int
    refused_lines: int
    behind_s: int
    failing: bool


@dataclass(frozen=True, slots=True)
class JobFigures:
    """Of one job of the worker, due every `every_s` seconds; `late` is one that ought to have ended again.

    `ended_at` and `succeeded_at` are when a turn last ended, and ended well (epoch seconds, None = none yet).
    """

    name: str
    every_s: int
    ended_at: int | None
    succeeded_at: int | None
    failures: int
    failing: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """How the controller is. None of it names a device, a site or a citizen.

    `devices` are those in service by municipality and state, `agents` how many of them answer, or nobody
    knows, `services` at how many sites a citizen gets online; `sessions` by municipality; `octets` by kind of
    volume.
    """

    devices: Mapping[tuple[str, str], int]
    agents: Mapping[str, int]
    services: Mapping[str, int]
    verdict_age_s: float | None
    sessions: Mapping[str, int]
    sinks: tuple[SinkFigures, ...]
    jobs: tuple[JobFigures, ...]
    octets: Mapping[str, int]
    days: int
    disk_free_octets: int
    disk_octets: int


def render(figures: Figures) -> bytes:
    """The text format, version 0.0.4, with what the library tells of the process that answers."""
    registry = CollectorRegistry()
    registry.register(_Telling(figures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Telling(Collector):
    """Everything is read anew at each scrape, so nearly each is a gauge: a replay takes points back, too."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        for name, words, labels, rows in _families(self._figures):
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(f"plaza_{name}", words, labels=labels)
            for values, number in rows:
                family.add_metric(values, number)
            yield family


Family = tuple[str, str, Labels, Iterable[tuple[Labels, float]]]


def _families(figures: Figures) -> Iterator[Family]:
    yield (
        "devices",
        "Devices in service by municipality (INEGI key) and by the verdict on them.",
        ("municipality", "state"),
        figures.devices.items(),
    )
    agents = "Devices in service by what their agent does: whether they answer, or nobody knows."
    yield "agents", agents, ("state",), _single(figures.agents)
    services = "Sites by what a citizen met there as the probe found it, or nobody knows."
    yield "services", services, ("state",), _single(figures.services)
    age = "Age of the newest verdict on a device: grows when polling stands still. Absent before the first."
    ages = () if figures.verdict_age_s is None else (((), figures.verdict_age_s),)
    yield "newest_verdict_age_seconds", age, (), ages
    sessions = "Running sessions of citizens by municipality (INEGI key)."
    yield "sessions", sessions, ("municipality",), _single(figures.sessions)
    yield from _of_sinks(figures.sinks)
    yield from _of_jobs(figures.jobs)
    octets = "Room that the embedded store takes, by kind of volume."
    yield "store_bytes", octets, ("kind",), _single(figures.octets)
    yield "store_days", "UTC days that are kept as they came.", (), (((), figures.days),)
    free = "Free room where the data directory lies."
    yield "disk_free_bytes", free, (), (((), figures.disk_free_octets),)
    yield "disk_bytes", "All room where the data directory lies.", (), (((), figures.disk_octets),)


def _of_sinks(sinks: tuple[SinkFigures, ...]) -> Iterator[Family]:
    def each(name: str, words: str, *numbers: float) -> Family:
        rows = [((sink.name,), number) for sink, number in zip(sinks, numbers, strict=True)]
        return f"sink_{name}", words, ("sink",), rows

    points = "Points that are safe in the sink; fewer after a replay."
    yield each("safe_points", points, *(sink.safe_points for sink in sinks))
    batches = "Batches that wait to be sent, or to settle there."
    yield each("waiting_batches", batches, *(sink.waiting_batches for sink in sinks))
    refused = "Lines that the sink refuses for ever."
    yield each("refused_lines", refused, *(sink.refused_lines for sink in sinks))
    behind = "Age of the oldest point that is not safe there yet, 0 when all are."
    yield each("behind_seconds", behind, *(sink.behind_s for sink in sinks))
    yield each("failing", "1 while the sink fails, 0 when it works.", *(sink.failing for sink in sinks))


def _of_jobs(jobs: tuple[JobFigures, ...]) -> Iterator[Family]:
    """By `name`: the label `job` is the scraping server's own, and would be renamed there."""

    def each(name: str, words: str, *numbers: float | None) -> Family:
        told = zip(jobs, numbers, strict=True)
        rows = [((job.name,), number) for job, number in told if number is not None]
        return f"job_{name}", words, ("name",), rows

    due = "How often a job of the worker is due."
    yield each("interval_seconds", due, *(job.every_s for job in jobs))
    ended = "When a turn of the job last ended, well or not, in Unix time. Absent before the first."
    yield each("last_run_timestamp_seconds", ended, *(job.ended_at for job in jobs))
    well = "When a turn of the job last ended well, in Unix time. Absent before the first that did."
    yield each("last_success_timestamp_seconds", well, *(job.succeeded_at for job in jobs))
    late = "1 when the job stands still, takes too long or has no worker: three turns and a minute are over."
    yield each("late", late, *(job.late for job in jobs))
    failing = "1 when the job's last turn failed, 0 when it ended well. Absent before the first."
    known = (job if job.ended_at is not None else None for job in jobs)
    yield each("failing", failing, *(None if job is None else job.failing for job in known))
    yield each("failures_total", "Turns of the job that failed.", *(job.failures for job in jobs))


def _single(numbers: Mapping[str, int]) -> Iterator[tuple[Labels, float]]:
    return (((label,), number) for label, number in numbers.items())
