"""Reads what the page shows: verdicts, running sessions and the newest samples."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, func, select

from captive_portal.tables import sessions
from controller.console.overview import HealthRow, ProbeRow, Reading
from controller.health import State
from controller.store.engine import READ_ONLY
from controller.store.tables import health, probes
from metrics.sample import Sample


class Samples(Protocol):
    """The part of the metrics store that the console reads."""

    def latest(self, measurement: str, since: int) -> list[Sample]:
        """The newest sample of each tag set at or after `since`."""
        ...


Expected = Callable[[Connection, datetime], Mapping[str, str]]
"""Which devices may be down at a moment without anybody having to come, and why."""


def read(
    engine: Engine, samples: Samples, now: datetime, stale_after_s: int, expected: Expected | None = None
) -> Reading:
    """One reading. Raises sqlalchemy's and the metrics store's errors when either cannot be read."""
    at = int(now.timestamp())
    return Reading(
        at=at,
        verdicts=_verdicts(engine),
        samples=_newest(samples.latest("wifi_ap", at - stale_after_s)),
        running=_running(engine, at),
        probes=_probes(engine),
        expected=_expected(engine, now, expected) if expected is not None else {},
    )


def _expected(engine: Engine, now: datetime, expected: Expected) -> Mapping[str, str]:
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return expected(connection, now)


def _verdicts(engine: Engine) -> dict[str, HealthRow]:
    row = health.c
    columns = (
        row.device,
        row.state,
        row.reason,
        row.since,
        row.checked_at,
        row.agent_answers,
        row.service_works,
    )
    known = {state.value: state for state in State}
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(select(*columns)).all()
    return {
        device: HealthRow(known.get(state, State.UNKNOWN), reason, since, at, _fact(agent), _fact(service))
        for device, state, reason, since, at, agent, service in rows
    }


def _probes(engine: Engine) -> dict[str, ProbeRow]:
    with engine.connect().execution_options(**READ_ONLY) as connection:
        found = connection.execute(select(probes)).all()
    return {row.site: ProbeRow(_fact(row.works), row.step, row.detail, row.probed_at) for row in found}


def _fact(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _newest(found: list[Sample]) -> dict[str, Sample]:
    """By device: one that changed its vendor or site has several tag sets."""
    return {sample.tags["ap"]: sample for sample in sorted(found, key=lambda sample: sample.time)}


def _running(engine: Engine, at: int) -> dict[str, int]:
    """Sessions whose door the gateway opened and neither closed nor let run out, by site."""
    query = (
        select(sessions.c.site, func.count().label("running"))
        .where(
            sessions.c.acctstarttime.is_not(None),
            sessions.c.acctstoptime.is_(None),
            sessions.c.expires_at > at,
        )
        .group_by(sessions.c.site)
    )
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.site: row.running for row in connection.execute(query)}
