"""Keeps what the poller remembers of each device: what its agent has taught it, why its polls failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, select, update

from captive_portal.tables import insert
from controller.store.engine import READ_ONLY
from controller.store.tables import poll_errors, snmp_learned
from drivers.snmp.seam import Failure, Learned, Oid, Reason

KEPT: Final = 10
"""Failures kept per device."""


@dataclass(slots=True)
class PollError:
    """One failure, for as long as it went on: `times` polls from `at` until `last_at`, epoch seconds.

    `ended_at` is when the device next answered in full or failed otherwise; None while it still fails so.
    """

    device: str
    reason: Reason
    detail: str
    at: int
    last_at: int
    times: int = 1
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    seq: int
    error: PollError


Outcome = tuple[str, Failure | None, int]
"""A device, why its poll failed or None, and when (epoch seconds)."""


def keep_learned(connection: Connection, learned: Mapping[str, Learned], at: int) -> None:
    """Make what these agents have taught us durable, in place of what was known before."""
    if not learned:
        return
    statement = insert(connection, snmp_learned)
    changed = {c.name: statement.excluded[c.name] for c in snmp_learned.c if c.name != "device"}
    rows = [_learned_row(device, one, at) for device, one in learned.items()]
    connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=changed), rows)


def learned(engine: Engine) -> dict[str, Learned]:
    """What every agent has taught us, by device."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.device: _learned(row) for row in connection.execute(select(snmp_learned))}


def keep_errors(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Make the failures among these outcomes durable, and the ends of earlier ones; KEPT stay per device.

    A failure that goes on, the same in reason and detail, only moves `last_at` and `times`.
    """
    stored = _open(connection, {device for device, _, _ in outcomes})
    begun = _follow({device: one.error for device, one in stored.items()}, outcomes)
    failing = {device for device, failure, _ in outcomes if failure is not None}
    _rewrite(connection, [one for device, one in stored.items() if device in failing or one.error.ended_at])
    _append(connection, begun)


def last_errors(engine: Engine, device: str) -> list[PollError]:
    """The failures kept of one device, newest first."""
    statement = select(poll_errors).where(poll_errors.c.device == device).order_by(poll_errors.c.seq.desc())
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return [_error(row) for row in connection.execute(statement.limit(KEPT))]


def _follow(going_on: Mapping[str, PollError], outcomes: Iterable[Outcome]) -> list[PollError]:
    """Bring those that go on up to date, and return those that begin, oldest first."""
    current = dict(going_on)
    begun: list[PollError] = []
    for device, failure, at in outcomes:
        error = current.get(device)
        if error is not None and failure == Failure(error.reason, error.detail):
            error.last_at, error.times = at, error.times + 1
            continue
        if error is not None:
            error.ended_at = at
            del current[device]
        if failure is not None:
            current[device] = PollError(device, failure.reason, failure.detail, at, at)
            begun.append(current[device])
    return begun


def _open(connection: Connection, devices: Iterable[str]) -> dict[str, _Stored]:
    columns = poll_errors.c
    statement = select(poll_errors).where(columns.device.in_(list(devices)), columns.ended_at.is_(None))
    return {row.device: _Stored(row.seq, _error(row)) for row in connection.execute(statement)}


def _rewrite(connection: Connection, changed: Sequence[_Stored]) -> None:
    if not changed:
        return
    columns = poll_errors.c
    statement = (
        update(poll_errors)
        .where(columns.device == bindparam("of"), columns.seq == bindparam("number"))
        .values(last_at=bindparam("last"), times=bindparam("count"), ended_at=bindparam("end"))
    )
    rows = [
        {
            "of": one.error.device,
            "number": one.seq,
            "last": one.error.last_at,
            "count": one.error.times,
            "end": one.error.ended_at,
        }
        for one in changed
    ]
    connection.execute(statement, rows)


def _append(connection: Connection, begun: Sequence[PollError]) -> None:
    if not begun:
        return
    columns = poll_errors.c
    newest = (
        select(columns.device, func.max(columns.seq).label("seq"))
        .where(columns.device.in_({error.device for error in begun}))
        .group_by(columns.device)
    )
    numbers = {row.device: row.seq for row in connection.execute(newest)}
    rows = []
    for error in begun:
        numbers[error.device] = numbers.get(error.device, 0) + 1
        rows.append(_error_row(error, numbers[error.device]))
    connection.execute(insert(connection, poll_errors), rows)
    old = delete(poll_errors).where(columns.device == bindparam("of"), columns.seq <= bindparam("upto"))
    upto = [{"of": device, "upto": number - KEPT} for device, number in numbers.items()]
    connection.execute(old, upto)


def _error_row(error: PollError, seq: int) -> dict[str, object]:
    return {
        "device": error.device,
        "seq": seq,
        "at": error.at,
        "reason": str(error.reason),
        "detail": error.detail,
        "last_at": error.last_at,
        "times": error.times,
        "ended_at": error.ended_at,
    }


def _error(row: Row[Any]) -> PollError:
    reason = Reason(row.reason)
    return PollError(row.device, reason, row.detail, row.at, row.last_at, row.times, row.ended_at)


def _learned_row(device: str, learned: Learned, at: int) -> dict[str, object]:
    return {
        "device": device,
        "varbinds": learned.varbinds,
        "columns": learned.columns,
        "repetitions": learned.repetitions,
        "bulk": int(learned.bulk),
        "rows": learned.rows,
        "missing": " ".join(".".join(map(str, oid)) for oid in learned.missing),
        "engine_id": learned.engine_id.hex(),
        "boots": learned.boots,
        "learned_at": at,
    }


def _learned(row: Row[Any]) -> Learned:
    return Learned(
        varbinds=row.varbinds,
        columns=row.columns,
        repetitions=row.repetitions,
        bulk=bool(row.bulk),
        rows=row.rows,
        missing=tuple(_oid(dotted) for dotted in row.missing.split()),
        engine_id=bytes.fromhex(row.engine_id),
        boots=row.boots,
    )


def _oid(dotted: str) -> Oid:
    return tuple(map(int, dotted.split(".")))
