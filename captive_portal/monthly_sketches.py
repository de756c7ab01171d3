"""The sketches of running terms in the store: a tap may write two, so past most of SQLAlchemy's machinery."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Dialect, Executable, bindparam, select, update

from captive_portal.monthly_tables import device_counts
from captive_portal.tables import insert
from metrics.distinct import BadSketch, Sketch

log = logging.getLogger(__name__)

Row = tuple[str, str, str]
"""A municipality, the name of a term, a kind."""

_count = device_counts.c
_ROW: Final = (
    _count.municipality == bindparam("of_municipality"),
    _count.term == bindparam("of_term"),
    _count.kind == bindparam("of_kind"),
)
_READ: Final = select(_count.sketch, _count.version, _count.devices).where(*_ROW).with_for_update()
_WRITE: Final = (
    update(device_counts)
    .where(*_ROW, _count.version == bindparam("of_version"), _count.devices.is_(None))
    .values(sketch=bindparam("octets"), version=bindparam("next_version"))
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A sketch as it was in the store, and how often it had been written."""

    octets: bytes = field(default=b"", repr=False)
    version: int = 0


EMPTY: Final = Stored()


def added(connection: Connection, row: Row, known: Stored, names: Sequence[str]) -> Stored:
    """Add names to a sketch, and how it is then; `known` is how it was once, or EMPTY.

    What is known to be in it costs nothing. Where nobody else wrote meanwhile it is not read again. A term
    that is over stays as it is.
    """
    sketch = _sound(known.octets, row)
    if not _are_new(sketch, names):
        return known
    if known.version and _wrote(connection, row, sketch, known.version):
        return Stored(sketch.octets, known.version + 1)
    found = _found(connection, row)
    sketch = _sound(found.octets, row)
    if _are_new(sketch, names) and _wrote(connection, row, sketch, found.version):
        return Stored(sketch.octets, found.version + 1)
    return found


def _are_new(sketch: Sketch, names: Sequence[str]) -> bool:
    """Whether any of them, which are all in it now, was not."""
    return sum(map(sketch.add, names)) > 0


def _found(connection: Connection, row: Row) -> Stored:
    """How it is, which nobody changes until the transaction ends."""
    found = _run(connection, _READ, _of(row)).first()
    if found is None:
        place = dict(zip(("municipality", "term", "kind"), row, strict=True))
        connection.execute(
            insert(connection, device_counts).values(**place, sketch=b"").on_conflict_do_nothing()
        )
        found = _run(connection, _READ, _of(row)).one()
    return Stored(bytes(found.sketch), found.version)


def _wrote(connection: Connection, row: Row, sketch: Sketch, version: int) -> bool:
    """Whether it was still of this version, and its term not over."""
    values = {**_of(row), "octets": sketch.octets, "of_version": version, "next_version": version + 1}
    return _run(connection, _WRITE, values).rowcount == 1


def _of(row: Row) -> dict[str, Any]:
    return dict(zip(("of_municipality", "of_term", "of_kind"), row, strict=True))


def _run(connection: Connection, statement: Executable, values: dict[str, Any]) -> CursorResult[Any]:
    """A statement of columns that need no conversion; compiled once."""
    sql, names = _compiled(connection.dialect, statement)
    return connection.exec_driver_sql(sql, values if names is None else tuple(values[one] for one in names))


@lru_cache
def _compiled(dialect: Dialect, statement: Executable) -> tuple[str, Sequence[str] | None]:
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return str(compiled), compiled.positiontup


def _sound(octets: bytes, row: Row) -> Sketch:
    """A sketch that cannot be read costs its figure, and nobody the door."""
    try:
        return Sketch.read(octets)
    except BadSketch as error:
        lost = {"municipality": row[0], "term": row[1], "error": str(error)}
        log.error("sketch is damaged: its devices are counted anew", extra=lost)
        return Sketch()
