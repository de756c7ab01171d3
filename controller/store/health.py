"""Keeps the latest verdict on every device."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from captive_portal.tables import insert
from controller.health import State, Verdict
from controller.store.engine import READ_ONLY
from controller.store.tables import health


def keep(engine: Engine, verdicts: Iterable[tuple[str, Verdict, int]]) -> None:
    """Make (device, verdict, epoch seconds) durable; `since` moves only when the state changes."""
    rows = {device: (verdict, at) for device, verdict, at in verdicts}
    if not rows:
        return
    with engine.begin() as connection:
        before = _states(connection, rows)
        values = [_row(device, verdict, at, before.get(device)) for device, (verdict, at) in rows.items()]
        statement = insert(connection, health).values(values)
        changed = {c.name: statement.excluded[c.name] for c in health.c if c.name != "device"}
        connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=changed))


def latest(engine: Engine) -> dict[str, tuple[Verdict, int]]:
    """The last verdict on each device and when it was reached (epoch seconds)."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.device: (_verdict(row), row.checked_at) for row in connection.execute(select(health))}


def _states(connection: Connection, rows: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    found = connection.execute(
        select(health.c.device, health.c.state, health.c.since).where(health.c.device.in_(list(rows)))
    )
    return {row.device: (row.state, row.since) for row in found}


def _row(device: str, verdict: Verdict, at: int, before: tuple[str, int] | None) -> dict[str, object]:
    since = before[1] if before is not None and before[0] == verdict.state else at
    return {
        "device": device,
        "state": str(verdict.state),
        "agent_answers": _stored(verdict.agent_answers),
        "service_works": _stored(verdict.service_works),
        "reason": verdict.reason,
        "since": since,
        "checked_at": at,
    }


def _stored(fact: bool | None) -> int | None:
    return None if fact is None else int(fact)


def _fact(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(State(row.state), _fact(row.agent_answers), _fact(row.service_works), row.reason)
