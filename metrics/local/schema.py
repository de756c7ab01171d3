"""The tables of a day file: one wide table per measurement of the catalogue, and the day's journal."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, TAG_BEFORE, Kind, Measurement
from metrics.errors import CatalogError
from metrics.local.database import Table
from metrics.sample import Sample

_TYPES: Final = {Kind.INTEGER: "INTEGER", Kind.FLOAT: "REAL"}

JOURNAL: Final = Table(
    "journal",
    {
        "batch": "INTEGER NOT NULL",  # the mark on the batch's rows
        "writer": "TEXT NOT NULL",
        "seq": "INTEGER NOT NULL",
        "shard": "INTEGER NOT NULL",
        "epoch": "INTEGER NOT NULL",
        "first": "INTEGER NOT NULL",
        "last": "INTEGER NOT NULL",
        "measurements": "TEXT NOT NULL",
        "points": "INTEGER NOT NULL",
    },
    ("batch",),
    unique=("writer", "seq"),
)
# A day that was dropped and began anew counts from 1 again: whoever remembers a place needs to know the file.
ORIGIN: Final = Table("origin", {"token": "TEXT NOT NULL"}, ("token",))
# Each writer's last seq, so that no look at the backlog has to search the journal.
WRITERS: Final = Table("writers", {"writer": "TEXT NOT NULL", "seq": "INTEGER NOT NULL"}, ("writer",))


def _samples_table(measurement: Measurement) -> Table:
    tags = {tag: _tag(tag) for tag in measurement.tags}
    fields = {name: _TYPES[field.kind] for name, field in measurement.fields.items()}
    columns = {"time": "INTEGER NOT NULL", **tags, "batch": "INTEGER NOT NULL DEFAULT 0", **fields}
    return Table(measurement.name, columns, ("time", *measurement.tags))


def _tag(name: str) -> str:
    """A tag that came later has a value in the rows that older versions wrote."""
    return f"TEXT NOT NULL DEFAULT '{TAG_BEFORE[name]}'" if name in TAG_BEFORE else "TEXT NOT NULL"


def day_tables() -> list[Table]:
    """Every table a day file has."""
    return [ORIGIN, JOURNAL, WRITERS, *(_samples_table(measurement) for measurement in MEASUREMENTS.values())]


def new_origin(connection: sqlite3.Connection) -> None:
    """Give a new file its token."""
    connection.execute("INSERT INTO origin (token) VALUES (lower(hex(randomblob(8))))")


def origin(connection: sqlite3.Connection) -> str:
    """The token of a day file."""
    (token,) = connection.execute("SELECT token FROM origin").fetchone()
    return str(token)


@dataclass(frozen=True, slots=True)
class Statements:
    """The SQL of one measurement. `select` wants a WHERE after it and gives rows for `sample`."""

    insert: str
    select: str
    newest: str


@cache
def statements(name: str) -> Statements:
    """Raises CatalogError for a measurement that does not exist."""
    measurement = known(name)
    tags, fields = ", ".join(measurement.tags), ", ".join(measurement.fields)
    return Statements(
        _insert(measurement),
        f"SELECT time, {tags}, {fields} FROM {name} ",  # noqa: S608
        f"SELECT max(time), {tags}, {fields} FROM {name} WHERE time >= ? GROUP BY {tags}",  # noqa: S608
    )


def known(name: str) -> Measurement:
    """Raises CatalogError for a measurement that does not exist."""
    if name not in MEASUREMENTS:
        raise CatalogError(f"unknown measurement {name!r}")
    return MEASUREMENTS[name]


def _insert(measurement: Measurement) -> str:
    """A slot written again keeps what the second writing does not know, as InfluxDB does with a point."""
    columns = ("time", *measurement.tags, "batch", *measurement.fields)
    casts = (f"CAST(? AS {_TYPES[field.kind]})" for field in measurement.fields.values())
    values = ", ".join((*("?" for _ in range(len(measurement.tags) + 2)), *casts))
    merged = (f"{field} = coalesce(excluded.{field}, {field})" for field in measurement.fields)
    return (
        f"INSERT INTO {measurement.name} ({', '.join(columns)}) VALUES ({values}) "  # noqa: S608
        f"ON CONFLICT DO UPDATE SET batch = excluded.batch, {', '.join(merged)}"
    )


Row = tuple[int | float | str | None, ...]


@cache
def row_maker(name: str) -> Callable[[Sample, int], Row]:
    """How a sample of this measurement becomes a row of its insert statement."""
    tags, fields = known(name).tags, tuple(known(name).fields)

    def row(sample: Sample, batch: int) -> Row:
        values = sample.fields.get
        return (sample.time, *map(sample.tags.__getitem__, tags), batch, *map(values, fields))

    return row


@cache
def sample_maker(name: str) -> Callable[[Sequence[Any]], Sample]:
    """How a row of this measurement's select statement becomes a sample again."""
    tags, fields = known(name).tags, tuple(known(name).fields)
    first_field = 1 + len(tags)

    def sample(row: Sequence[Any]) -> Sample:
        measured = dict(zip(fields, row[first_field:]))  # noqa: B905
        if None in row:
            measured = {field: value for field, value in measured.items() if value is not None}
        return Sample(name, dict(zip(tags, row[1:first_field])), measured, row[0])  # noqa: B905

    return sample
