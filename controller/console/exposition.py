"""Gathers what `/metrics` tells: the stores read once, nothing kept between two scrapes."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from controller.app import App
from controller.console.overview import Overview, overview, patience
from controller.console.reading import read
from controller.health import State
from controller.job_runs import JobRun
from controller.job_runs import read as read_job_runs
from controller.sinks import standing
from controller.store.engine import READ_ONLY
from controller.store.tables import health, probes
from drivers.model import Lifecycle
from metrics.exposition import Figures, JobFigures, SinkFigures, render
from metrics.local.store import LocalStore

_PROBES: Final = 3
"""So many probes that did not come make what the last one found old."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    agent_answers: bool | None
    checked_at: int


_NOBODYS: Final = _Verdict(None, 0)


@dataclass(frozen=True, slots=True)
class Exposition:
    """The figures of one controller. Raises sqlalchemy's and the metrics store's errors."""

    app: App
    clock: Callable[[], datetime]
    stale_after_s: int

    def __call__(self) -> bytes:
        """What one scrape gets."""
        return render(self.figures())

    def figures(self) -> Figures:
        """Everything, as it is now."""
        app, now = self.app, self.clock()
        at = int(now.timestamp())
        devices = app.inventory.devices.values()
        longest_s = max((patience(one, self.stale_after_s) for one in devices), default=self.stale_after_s)
        seen = overview(app.inventory, read(app.engine, app.samples, now, longest_s), self.stale_after_s)
        verdicts = self._verdicts()
        known = self._fresh(verdicts, at)
        disk = shutil.disk_usage(app.settings.data_dir)
        return Figures(
            devices=_states(seen),
            agents=_counted(("answers", "silent"), (one.agent_answers for one in known)),
            services=_counted(("works", "fails"), self._probed(at)),
            verdict_age_s=min((max(0, at - one.checked_at) for one in verdicts.values()), default=None),
            sessions={row.key: row.citizens for row in seen.rows},
            sinks=tuple(_sink(app.samples, sink.name, now) for sink in app.settings.sinks),
            jobs=tuple(_job(*run, at) for run in read_job_runs(app.settings.data_dir).items()),
            octets=_octets(app.samples),
            days=len(app.samples.kept()),
            disk_free_octets=disk.free,
            disk_octets=disk.total,
        )

    def _probed(self, at: int) -> list[bool | None]:
        """Of each site, what the probe found lately; None where none ran."""
        oldest = at - _PROBES * 60 * self.app.settings.probe_minutes
        columns = select(probes.c.site, probes.c.works).where(probes.c.probed_at >= oldest)
        with self.app.engine.connect().execution_options(**READ_ONLY) as connection:
            found = {site: _fact(works) for site, works in connection.execute(columns)}
        return [found.get(site) for site in self.app.inventory.sites]

    def _verdicts(self) -> dict[str, _Verdict]:
        columns = (health.c.device, health.c.agent_answers, health.c.checked_at)
        with self.app.engine.connect().execution_options(**READ_ONLY) as connection:
            rows = connection.execute(select(*columns)).all()
        return {device: _Verdict(_fact(agent), at) for device, agent, at in rows}

    def _fresh(self, verdicts: Mapping[str, _Verdict], at: int) -> list[_Verdict]:
        """Of each device in service, that of nobody where none has looked lately."""
        found: list[_Verdict] = []
        for device in self.app.inventory.devices.values():
            if device.state is Lifecycle.ACTIVE:
                one = verdicts.get(device.name, _NOBODYS)
                fresh = abs(at - one.checked_at) <= patience(device, self.stale_after_s)
                found.append(one if fresh else _NOBODYS)
        return found


def _fact(stored: int | None) -> bool | None:
    return None if stored is None else bool(stored)


def _counted(words: tuple[str, str], facts: Iterable[bool | None]) -> dict[str, int]:
    """How many are true, how many false, and of how many nobody knows."""
    found = Counter(facts)
    return {words[0]: found[True], words[1]: found[False], "unknown": found[None]}


def _states(seen: Overview) -> dict[tuple[str, str], int]:
    return {(row.key, state.value): getattr(row.devices, state.value) for row in seen.rows for state in State}


def _sink(samples: LocalStore, name: str, now: datetime) -> SinkFigures:
    at = standing(samples, name, now)
    return SinkFigures(
        name=name,
        safe_points=at.safe_points,
        waiting_batches=at.waiting_batches,
        refused_lines=at.refused_lines,
        behind_s=at.behind_s,
        failing=bool(at.failing),
    )


def _job(name: str, run: JobRun, at: int) -> JobFigures:
    return JobFigures(
        name=name,
        every_s=run.every_s,
        ended_at=run.ended_at,
        succeeded_at=run.succeeded_at,
        failures=run.failures,
        failing=bool(run.error),
        late=run.late(at),
    )


def _octets(samples: LocalStore) -> dict[str, int]:
    """By kind: `raw-2026-11-22` is of the raw days."""
    found: Counter[str] = Counter()
    for name in samples.shelf.names():
        found[name.partition("-")[0]] += samples.shelf.octets(name)
    return dict(found)
