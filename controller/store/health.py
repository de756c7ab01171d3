"""Keeps the latest verdict on every device, and since when it holds."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from captive_portal.tables import insert
from controller.health import State, Verdict, answered
from controller.store.engine import READ_ONLY
from controller.store.tables import health


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict with its times, epoch seconds; `answered_at` is None when the device never answered yet.

    It is the last of `run` verdicts in a row that were all down, or all not, the first at `run_since`.
    """

    verdict: Verdict
    since: int
    checked_at: int
    answered_at: int | None
    run: int = 0
    run_since: int = 0


def keep(store: Connection | Engine, verdicts: Iterable[tuple[str, Verdict, int]]) -> None:
    """Make (device, verdict, epoch seconds) durable; `since` moves only when the state changes.

    With a Connection inside its transaction, with an Engine in one of its own.
    """
    rows = {device: (verdict, at) for device, verdict, at in verdicts}
    if not rows:
        return
    with store.begin() if isinstance(store, Engine) else nullcontext(store) as connection:
        before = _before(connection, rows)
        values = [_row(device, verdict, at, before.get(device)) for device, (verdict, at) in rows.items()]
        statement = insert(connection, health)
        changed = {c.name: statement.excluded[c.name] for c in health.c if c.name != "device"}
        connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=changed), values)


def latest(engine: Engine) -> dict[str, tuple[Verdict, int]]:
    """The last verdict on each device and when it was reached (epoch seconds)."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.device: (_verdict(row), row.checked_at) for row in connection.execute(select(health))}


def standing(engine: Engine, device: str) -> Standing | None:
    """What is known of one device; None when nobody has looked at it yet."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(select(health).where(health.c.device == device)).one_or_none()
    return None if row is None else _standing(row)


def standings(store: Connection | Engine) -> dict[str, Standing]:
    """What is known of every device."""
    reading = (
        store.connect().execution_options(**READ_ONLY) if isinstance(store, Engine) else nullcontext(store)
    )
    with reading as connection:
        return {row.device: _standing(row) for row in connection.execute(select(health))}


def _before(connection: Connection, rows: Iterable[str]) -> Mapping[str, Row[Any]]:
    found = connection.execute(select(health).where(health.c.device.in_(list(rows))))
    return {row.device: row for row in found}


def _row(device: str, verdict: Verdict, at: int, before: Row[Any] | None) -> dict[str, object]:
    since = before.since if before is not None and before.state == verdict.state else at
    fact = answered(verdict.state)
    run, run_since = _run(fact, at, before)
    return {
        "device": device,
        "state": str(verdict.state),
        "agent_answers": _stored(verdict.agent_answers),
        "service_works": _stored(verdict.service_works),
        "reason": verdict.reason,
        "since": since,
        "checked_at": at,
        "answered_at": at if fact else before.answered_at if before is not None else None,
        "run": run,
        "run_since": run_since,
    }


def _run(fact: bool | None, at: int, before: Row[Any] | None) -> tuple[int, int]:
    """How many looks in a row said this, and since when; one that is told twice is one look."""
    if before is None or not before.run or fact is None or answered(State(before.state)) is not fact:
        return 1, at
    return before.run + (before.checked_at != at), before.run_since


def _stored(fact: bool | None) -> int | None:
    return None if fact is None else int(fact)


def _fact(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _standing(row: Row[Any]) -> Standing:
    return Standing(_verdict(row), row.since, row.checked_at, row.answered_at, row.run, row.run_since)


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(State(row.state), _fact(row.agent_answers), _fact(row.service_works), row.reason)
